from collections.abc import Iterator
from pathlib import Path

from pydantic import Field

from stickerworks.plugins import LocalFile, Observation, Options, Source


class ListedOptions(Options):
    path: str = Field(description="text file with an address or the path of a file on each line")


def _items(options: ListedOptions) -> Iterator[Observation | LocalFile]:
    listed = Path(options.path)
    for rank, line in enumerate(listed.read_text(encoding="utf-8").splitlines()):
        keyword = Path(line).stem.partition("-")[0]
        if line.startswith(("http://", "https://")):
            yield Observation(line, media_url=line, query=keyword, rank=rank)
        elif line:
            yield LocalFile(Observation(line, query=keyword, rank=rank), listed.parent / line)


SOURCE = Source(
    name="listed",
    title="A list of files and addresses",
    options=ListedOptions,
    redistribute=False,
    terms="Whatever the owners of the listed addresses say.",
    observations=_items,
)
