"""Pictures of a report for the documentation: ``python -m tests.show.screenshots REPORT.html docs/images``."""

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image

from tests.show.browser import browser

END = "return document.querySelector('#parallel details').getBoundingClientRect().top + window.scrollY"
LOOKS = {"light": (1400, False), "dark": (1400, True), "phone": (400, False)}


def main(report, folder, height):
    """Make report-light.png, report-dark.png and report-phone.png, and of the first sections report-top.png."""
    with tempfile.TemporaryDirectory() as profile, browser(profile) as window:
        for name, (width, dark) in LOOKS.items():
            window.look(width, dark=dark)
            window.open(report)
            save(window.picture(height), folder / f"report-{name}.png")
        window.look(1400)
        window.open(report)
        window.run("document.querySelector('.tall').style.maxHeight = '15rem'")
        save(window.picture(round(window.run(END))), folder / "report-top.png")


def save(picture, path):
    """In few colours, so that it is small."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    image.quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else None)
