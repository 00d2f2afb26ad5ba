"""What was published: the files of the data sets, their digests, and who sends them."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PUBLISHED", "Published", "PublishedFile"]


@dataclass(frozen=True)
class PublishedFile:
    """A file as it was published.

    Attributes
    ----------
    name : str
        Its name, without a folder.
    size : int
        In bytes; no more is taken from a mirror.
    sha256 : str
        64 hexadecimal digits.
    """

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Published:
    """The files of a data set.

    Attributes
    ----------
    files : tuple of PublishedFile
        All of them.
    mirrors : tuple of str
        The addresses of folders that have them, the first to ask first.
    folder : str
        Where they are kept, below the folder of the data.
    """

    files: tuple[PublishedFile, ...]
    mirrors: tuple[str, ...]
    folder: str


GITHUB: Final = "https://raw.githubusercontent.com"

# The digests of the two test files and of the cat-vs-noncat files were computed from the files.
# Those of the training files stand in several public projects, which agree; the files themselves
# were not at hand. No mirror could be reached from where this was written: that they have the
# files was read in public code and in lists of the files of public repositories. Whether a mirror
# sends the right bytes is decided by the digests, at each download.
MNIST = Published(
    files=(
        PublishedFile(
            "train-images-idx3-ubyte.gz",
            9_912_422,
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        ),
        PublishedFile(
            "train-labels-idx1-ubyte.gz",
            28_881,
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        ),
        PublishedFile(
            "t10k-images-idx3-ubyte.gz",
            1_648_877,
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        ),
        PublishedFile(
            "t10k-labels-idx1-ubyte.gz",
            4_542,
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
    ),
    mirrors=(
        "https://storage.googleapis.com/cvdf-datasets/mnist",
        "https://ossci-datasets.s3.amazonaws.com/mnist",
    ),
    folder="mnist/raw",  # not `mnist`, where files of which some are missing would be taken
)

CATVNONCAT = Published(
    files=(
        PublishedFile(
            "train_catvnoncat.h5",
            2_572_022,
            "fbe56ab67c3ae28d564e3a644189117976d6b31af0a3ce9bb17dbf22908af242",
        ),
        PublishedFile(
            "test_catvnoncat.h5",
            616_958,
            "6a9d39ce52fa85953c5834695b8534a30ed8cfd54971fb2f080b5a24d002b951",
        ),
    ),
    mirrors=(  # at a fixed commit, so that nobody changes what is behind the address
        f"{GITHUB}/ramakris/coursera-deeplearning/b1c8f954b5711f918c75f764138837bbe1b3f7fc/datasets",
        f"{GITHUB}/Youngyi/DeepLearning/dff21304241c5e651d4a6680cba6e23c3990e915/datasets",
        f"{GITHUB}/giuseppefutia/word2vec/d11195fa8f20367a8ec767c603450592d6f53f20/datasets",
    ),
    folder="catvnoncat",
)

PUBLISHED: Final[Mapping[str, Published]] = MappingProxyType(
    {"mnist": MNIST, "catvnoncat": CATVNONCAT}
)
