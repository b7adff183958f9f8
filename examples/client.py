"""Store a picture for an article and write its JPEG into a file, with belfoot_img.client:

    python examples/client.py https://example.com/photo.jpg 42

The service and the account are read from BELFOOT_IMG_URL, BELFOOT_IMG_USER and BELFOOT_IMG_PASSWORD.
"""

import os
import sys
from pathlib import Path

from belfoot_img.client import Client, PermanentError, TemporaryError


def main(link: str, article_id: str) -> None:
    account = os.environ["BELFOOT_IMG_USER"], os.environ["BELFOOT_IMG_PASSWORD"]
    service = Client(os.environ.get("BELFOOT_IMG_URL", "http://127.0.0.1:6543"), *account)
    try:
        image = service.store(link, article_id)
        jpeg = service.jpeg(article_id)
    except PermanentError as error:
        sys.exit(f"give it up and tell the editor: {error}")
    except TemporaryError as error:
        sys.exit(f"try again later: {error}")
    Path(f"{article_id}.jpg").write_bytes(jpeg)
    print(f"{article_id}.jpg: {image.width}x{image.height}, {image.bytes} bytes, {image.conversion.action}")


if __name__ == "__main__":
    main(*sys.argv[1:])
