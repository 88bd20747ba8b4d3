"""The data sets that come with this package: where each has its files, how many images they hold and of what."""

from mnist_cnn.data.base import Dataset, Split
from mnist_cnn.data.cifar import CIFARDataset
from mnist_cnn.data.downloaded import Files
from mnist_cnn.data.generated import SyntheticDigits
from mnist_cnn.data.handwritten import ScikitLearnDigits
from mnist_cnn.data.published import EMNISTDataset, PublishedDataset, QMNISTDataset
from mnist_cnn.data.svhn import SVHNDataset
from mnist_cnn.data.usps import USPSDataset

DIGITS = tuple("0123456789")
CAPITALS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
SMALL_LETTERS = tuple("abcdefghijklmnopqrstuvwxyz")
# Small letters that do not look like their capitals: the others share the capitals' classes in EMNIST Balanced.
DISTINCT_LETTERS = tuple("abdefghnqrt")
CIFAR10_NAMES = "airplane automobile bird cat deer dog frog horse ship truck"
CIFAR100_NAMES = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle
caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant
flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree
motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate
poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider
squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle
wardrobe whale willow_tree wolf woman worm
"""
MNIST_SIZES: dict[Split, int] = {"train": 60_000, "test": 10_000}


def _files(train: str, test: str, labels: str = "labels-idx1-ubyte") -> Files:
    return {
        "train": (f"{train}-images-idx3-ubyte.gz", f"{train}-{labels}.gz"),
        "test": (f"{test}-images-idx3-ubyte.gz", f"{test}-{labels}.gz"),
    }


def _emnist(part: str, class_names: tuple[str, ...], train: int, test: int, first_label: int = 0) -> EMNISTDataset:
    return EMNISTDataset(
        title=f"EMNIST {part}",
        source="EMNIST",
        class_names=class_names,
        sizes={"train": train, "test": test},
        files=_files(f"emnist-{part.lower()}-train", f"emnist-{part.lower()}-test"),
        archive="gzip.zip",
        transposed=True,
        first_label=first_label,
    )


DATASETS: dict[str, Dataset] = {
    "mnist": PublishedDataset(
        title="MNIST",
        source="MNIST",
        class_names=DIGITS,
        sizes=MNIST_SIZES,
        files=_files("train", "t10k"),
        md5={
            "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
            "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
            "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
            "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
            "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
            "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
            "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
        },
    ),
    "fashion_mnist": PublishedDataset(
        title="Fashion-MNIST",
        source="FashionMNIST",
        class_names=(
            *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
            *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        ),
        sizes=MNIST_SIZES,
        files=_files("train", "t10k"),
        md5={
            "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
            "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
            "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
            "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
            "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
            "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
            "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
        },
        layout="garment",
    ),
    "kmnist": PublishedDataset(
        title="Kuzushiji-MNIST",
        source="KMNIST",
        class_names=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
        sizes=MNIST_SIZES,
        files=_files("train", "t10k"),
        md5={
            "train-images-idx3-ubyte.gz": "bdb82020997e1d708af4cf47b453dcf7",
            "train-labels-idx1-ubyte.gz": "e144d726b3acfaa3e44228e80efcd344",
            "t10k-images-idx3-ubyte.gz": "5c965bf0a639b31b8f53240b1b52f4d7",
            "t10k-labels-idx1-ubyte.gz": "7320c461ea6c1c855c0b718fb2a4b134",
        },
    ),
    "qmnist": QMNISTDataset(
        title="QMNIST",
        source="QMNIST",
        class_names=DIGITS,
        sizes={"train": 60_000, "test": 60_000},
        files=_files("qmnist-train", "qmnist-test", labels="labels-idx2-int"),
        label_columns=8,
        md5={
            "qmnist-train-images-idx3-ubyte.gz": "ed72d4157d28c017586c42bc6afe6370",
            "qmnist-train-labels-idx2-int.gz": "0058f8dd561b90ffdd0f734c6a30e5e4",
            "qmnist-test-images-idx3-ubyte.gz": "1394631089c404de565df7b7aeaf9412",
            "qmnist-test-labels-idx2-int.gz": "5b5b05890a5e13444e108efe57b788aa",
        },
    ),
    "emnist_digits": _emnist("Digits", DIGITS, 240_000, 40_000),
    "emnist_letters": _emnist("Letters", CAPITALS, 124_800, 20_800, first_label=1),
    "emnist_balanced": _emnist("Balanced", (*DIGITS, *CAPITALS, *DISTINCT_LETTERS), 112_800, 18_800),
    "emnist_byclass": _emnist("ByClass", (*DIGITS, *CAPITALS, *SMALL_LETTERS), 697_932, 116_323),
    "cifar10": CIFARDataset(
        title="CIFAR-10",
        source="CIFAR10",
        class_names=tuple(CIFAR10_NAMES.split()),
        sizes={"train": 50_000, "test": 10_000},
        files={
            "train": tuple(f"cifar-10-batches-py/data_batch_{number}" for number in range(1, 6)),
            "test": ("cifar-10-batches-py/test_batch",),
        },
        md5={
            "data_batch_1": "c99cafc152244af753f735de768cd75f",
            "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
            "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
            "data_batch_4": "634d18415352ddfa80567beed471001a",
            "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
            "test_batch": "40351d587109b95175f43aff81a1287e",
        },
        archive="cifar-10-python.tar.gz",
    ),
    "cifar100": CIFARDataset(
        title="CIFAR-100",
        source="CIFAR100",
        class_names=tuple(CIFAR100_NAMES.split()),
        sizes={"train": 50_000, "test": 10_000},
        files={"train": ("cifar-100-python/train",), "test": ("cifar-100-python/test",)},
        md5={"train": "16019d7e3df5f24257cddd939b257f8d", "test": "f0ef6b0ae62326f3e7ffdfab6717acfc"},
        archive="cifar-100-python.tar.gz",
    ),
    "svhn": SVHNDataset(
        title="SVHN",
        source="SVHN",
        class_names=DIGITS,
        sizes={"train": 73_257, "test": 26_032},
        files={"train": ("train_32x32.mat",), "test": ("test_32x32.mat",)},
        md5={
            "train_32x32.mat": "e26dedcc434d2e4c54c9b2d4a06d8373",
            "test_32x32.mat": "eb5a983be6a315427106f1b164d9cef3",
        },
    ),
    "usps": USPSDataset(
        title="USPS",
        source="USPS",
        class_names=DIGITS,
        sizes={"train": 7_291, "test": 2_007},
        files={"train": ("usps.bz2",), "test": ("usps.t.bz2",)},
        md5={"usps.bz2": "ec16c51db3855ca6c91edd34d0e9b197", "usps.t.bz2": "8ea070ee2aca1ac39742fdd1ef5ed118"},
    ),
    "digits": ScikitLearnDigits(),
    "synthetic": SyntheticDigits(),
}
