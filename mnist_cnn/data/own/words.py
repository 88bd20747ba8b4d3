"""What people call splits, and what stands beside such words in names of folders, tables, columns and arrays."""

from mnist_cnn.data.base import Split

SPLIT_WORDS: dict[str, Split] = {
    **dict.fromkeys(("train", "training", "trn", "trainset", "trainingset"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "validate", "dev", "valset", "devset", "validationset"), "val"),
    "publictest": "val",  # of competitions, which keep the other one
    **dict.fromkeys(("test", "testing", "tst", "t10k", "eval", "evaluation", "testset", "testingset"), "test"),
    **dict.fromkeys(("privatetest", "holdout"), "test"),
}
# What is itself neither a split nor a class.
GENERAL_WORDS = (
    *("set", "data", "dataset", "split", "seg", "img", "imgs", "image", "images", "pic", "pics", "picture", "pictures"),
    *("photo", "photos", "file", "files", "jpg", "jpeg", "png"),
)
