"""belfoot_img: a link goes in, the best JPEG under a size limit comes back by article id."""

__version__ = "1.0.0"
