"""What a hostile checkpoint would like to have imported."""

raise AssertionError("this module was imported")
