"""`python -m mnist_cnn` does what the command `mnist-cnn` does."""

import sys

from mnist_cnn.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
