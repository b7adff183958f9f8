"""GIF."""

from __future__ import annotations

from PIL import GifImagePlugin, Image

from belfoot_img.imaging.decoding.formats.picture import Picture


class GifPicture(Picture):
    plugin = GifImagePlugin.GifImageFile

    def load(self, max_side: int) -> Image.Image:
        opened = self.open()
        covered = opened.tile[0].extents
        opened.load()
        if covered is None or covered == (0, 0, *opened.size) or "transparency" in opened.info:
            return opened
        return _transparent_outside(opened, covered)


def _transparent_outside(picture: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
    """Makes what lies outside ``box`` transparent, since the first frame need not cover the canvas."""
    mask = Image.new("L", picture.size, 0)
    mask.paste(255, box)
    picture = picture.convert("RGB")
    picture.putalpha(mask)
    return picture
