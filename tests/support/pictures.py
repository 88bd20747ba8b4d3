"""Pictures of digits, drawn for tests."""

from PIL import Image, ImageDraw


def seven(side: int = 300, pen: int = 24, ink: int = 30, paper: int = 230) -> Image.Image:
    """A seven drawn with a pen, dark on light."""
    image = Image.new("L", (side, side), paper)
    points = [(0.3, 0.25), (0.7, 0.25), (0.45, 0.8)]
    ImageDraw.Draw(image).line([(x * side, y * side) for x, y in points], fill=ink, width=pen, joint="curve")
    return image
