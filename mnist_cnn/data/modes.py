"""The many modes of Pillow's images: which of them are grey, and how few they are brought to."""

import numpy as np
from PIL import Image

# Grey values of more than 8 bits.
DEEP_MODES = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")
GREY_MODES = ("1", "L", "LA", "La", *DEEP_MODES)
TRANSPARENT_MODES = ("RGBA", "LA", "PA", "RGBa", "La")
# How many bytes a colour takes in palettes of red, green and blue in either order, and whatever follows.
PALETTES = {"RGB": 3, "BGR": 3, "RGBA": 4, "RGBX": 4, "BGRA": 4, "BGRX": 4}


def is_grey(image: Image.Image) -> bool:
    """Whether an image, decoded or not, holds grey values alone by its mode, or a palette of them."""
    if image.mode not in ("P", "PA"):
        return image.mode in GREY_MODES
    palette = getattr(image, "palette", None)
    values = np.frombuffer(bytes(getattr(palette, "palette", None) or b""), np.uint8)
    order = getattr(palette, "rawmode", None) or getattr(palette, "mode", "")
    if order == "RGB;L" and len(values) % 3 == 0:  # plane by plane
        colours = values.reshape(3, -1).T
    elif order in PALETTES and len(values) % PALETTES[order] == 0:
        colours = values.reshape(-1, PALETTES[order])[:, :3]
    else:
        return False
    return bool(len(colours) and (colours == colours[:, :1]).all())


def in_plain_mode(image: Image.Image, in_colour: bool = False) -> Image.Image:
    """Convert a decoded image to one of the modes that `decode` gives."""
    if image.mode in DEEP_MODES:
        return image if image.mode in ("I", "F") else image.convert("I")
    if image.mode == "LAB":
        return _lab_to_rgb(image) if in_colour else image.getchannel(0)
    if image.mode == "La":
        image = image.convert("LA")
    if image.mode in TRANSPARENT_MODES or "transparency" in image.info:
        return image if image.mode == "RGBA" else image.convert("RGBA")
    if in_colour:
        return image if image.mode in ("L", "RGB") else image.convert("L" if is_grey(image) else "RGB")
    if image.mode == "HSV":
        image = image.convert("RGB")
    return image if image.mode == "L" else image.convert("L")


def _lab_to_rgb(image: Image.Image) -> Image.Image:
    from PIL import ImageCms

    lab, rgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, lab, rgb, outputMode="RGB")
    return converted if converted is not None else image.getchannel(0).convert("RGB")
