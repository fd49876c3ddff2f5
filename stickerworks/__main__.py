"""``python -m stickerworks``, which is also what torchrun starts."""

from stickerworks.cli.main import main

if __name__ == "__main__":
    main()
