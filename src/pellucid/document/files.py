"""Files of results: the form follows from the ending."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping

from pellucid.document.documents import Document
from pellucid.results import Result
from pellucid.storage import PathLike, check_writable, write_atomically

Write = Callable[[Result], str | bytes]

_FORMS: Mapping[str, Write] = {
    ".txt": lambda result: result.text,
    ".md": lambda result: result.markdown,
    ".tex": lambda result: result.document().latex_document,
    ".html": lambda result: result.html,
    ".pdf": lambda result: result.document().pdf(),
}

_OF_DOCUMENTS: Mapping[str, Write] = {
    ".typ": lambda document: document.document().typst,
    ".json": lambda document: json.dumps(document.document().to_dict(), ensure_ascii=False, indent=2),
}


def _svg(result: Result) -> str:
    drawing = result._drawing()
    assert drawing is not None
    return drawing.svg


def forms(result: Result) -> dict[str, Write]:
    """Return what a result can be saved as: the writers by ending."""
    found = dict(_FORMS)
    if type(result)._drawing is not Result._drawing:  # not drawn yet: it may take a while, or not be possible
        found[".svg"] = _svg
    if isinstance(result, Document):
        found |= _OF_DOCUMENTS
    return found


def save(result: Result, path: PathLike) -> None:
    """Write a result in the form that the ending of the path names; see `pellucid.results.Result.save`."""
    known = forms(result)
    ending = os.path.splitext(os.fsdecode(path))[1].lower()
    if ending not in known:
        *first, last = known
        raise ValueError(
            f"{os.fsdecode(path)}: a result of type {type(result).__name__} is saved as {', '.join(first)} or {last}, "
            f"but the file's ending is {ending or 'missing'}"
        )
    check_writable(path)  # before the work: a PDF may take seconds
    content = known[ending](result)
    write_atomically(path, content if isinstance(content, bytes) else f"{content.rstrip()}\n".encode())
