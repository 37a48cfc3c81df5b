"""Tables whose rows are looked up by name: the names that a row goes by, and what any other name is answered with."""

from __future__ import annotations

import ast
import io
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from pellucid.described import brief, shortened
from pellucid.errors import UnknownNameError, import_extra, nearest, plain_name
from pellucid.hints import Hinted
from pellucid.results import Result

if TYPE_CHECKING:
    from pellucid.document import Document


class Row(Hinted):
    """A row of a table, which stays that very row when it is copied or pickled.

    `find` looks a row up by name and settings; what it does not find, a user made.
    """

    name: str
    settings: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {shortened(str(self), 200)}>"

    def find(self) -> Callable[..., Row] | None:
        """Return the look-up that gives this row back, or None if a user made it."""
        raise NotImplementedError

    def written(self, what: str) -> tuple[str, str]:
        """Return a formula as text and LaTeX: the function's own, or that of its ``"derivative"`` or ``"gradient"``.

        A form that the user who made the row left out is ``user-made``.
        """
        names = [f"{what}_{form}" if what else form for form in ("formula", "latex")]
        given = [getattr(self, name) for name in names]
        left_out = [value == getattr(type(self), name) for value, name in zip(given, names, strict=True)]
        return "user-made" if left_out[0] else given[0], r"\text{user-made}" if left_out[1] else given[1]

    def __reduce__(self) -> Any:
        find = self.find()
        if find is None:
            return _empty, (type(self),), vars(self)  # object's own way would come back here
        return _found, (find, self.name, dict(self.settings))

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.__reduce__()


def _empty(kind: type[Row]) -> Row:
    """Make a row without its fields, which pickle puts in."""
    return kind.__new__(kind)


def _found(find: Callable[..., Row], name: str, settings: dict[str, float]) -> Row:
    return find(name, **settings)


R = TypeVar("R")


class Registry(Mapping[str, R], Result):
    """A table by name. Printing it shows its rows.

    A name is taken in any case and with or without hyphens, spaces and underscores: ``ReLU``, ``LeakyReLU`` and
    ``leaky_relu`` need no synonyms. A synonym means exactly the same as the name.

    Parameters
    ----------
    kind : str
        What a row is, for messages: ``activation``.
    rows : iterable
        Each with a ``name`` and ``synonyms``, a tuple of str.
    columns : sequence of (str, callable) or (str, callable, callable)
        Heading and text of each column after the names; and the same text as LaTeX, where that is known.
    example : str
        What may be given in place of a name, for messages: ``pl.Activation(...)``.
    elsewhere : mapping, optional
        Names of other libraries that mean something else here, with a sentence that says what to write instead.

    Examples
    --------
    >>> from pellucid import ACTIVATIONS
    >>> ACTIVATIONS["LeakyReLU"].name
    'leaky_relu'
    >>> ACTIVATIONS["reul"]
    Traceback (most recent call last):
        ...
    pellucid.errors.UnknownNameError: unknown activation 'reul': did you mean 'relu'? Known: elu, exp, gelu, ...
    """

    def __init__(
        self,
        kind: str,
        rows: Iterable[R],
        *,
        columns: Sequence[tuple[str, Callable[[R], str]] | tuple[str, Callable[[R], str], Callable[[R], str]]],
        example: str,
        elsewhere: Mapping[str, str] | None = None,
    ) -> None:
        self.kind = kind
        self._columns = columns
        self._example = example
        self._rows: dict[str, R] = {}
        self._names: dict[str, str] = {}
        for row in rows:
            self._add(row)
        self._elsewhere = {plain_name(name): sentence for name, sentence in (elsewhere or {}).items()}

    def _add(self, row: Any) -> None:
        self._rows[row.name] = row
        for name in (row.name, *row.synonyms):
            other = self._names.setdefault(plain_name(name), row.name)
            if other != row.name:
                raise ValueError(f"{name!r} would be both {other!r} and {row.name!r}")

    def __getitem__(self, name: str) -> R:
        row = self._rows.get(name) if isinstance(name, str) else None
        if row is not None:
            return row
        known = self._names.get(plain_name(name)) if isinstance(name, str) else None
        if known is None:
            raise self.unknown(name)
        return self._rows[known]

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_") and name in self:
            owner = f"pl.{_plural(self.kind).upper()}"
            raise AttributeError(
                f"the table has no attribute {name!r}; write {owner}[{self._names[plain_name(name)]!r}]"
            )
        return super().__getattr__(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def look_up(self, given: object, kinds: type | tuple[type, ...]) -> Any:
        """Return the row that a name means, or what is one already.

        Parameters
        ----------
        given : str or object
            A name, which settings may follow as in ``leaky_relu(slope=0.2)``; an object of ``kinds``, which is passed
            through; or one of their classes, for its default settings.
        kinds : type or tuple of types

        Raises
        ------
        UnknownNameError
            No row goes by the name; the nearest is suggested.
        TypeError
            Anything else.
        """
        if isinstance(given, kinds):
            return given
        if isinstance(given, str):
            row: Any = self._rows.get(given) or self._with_settings(given) or self[given]
            return row() if isinstance(row, type) else row
        general = kinds if isinstance(kinds, tuple) else (kinds,)
        if isinstance(given, type) and issubclass(given, kinds) and (given not in general or given in self.values()):
            return given()
        theirs = getattr(given, "__name__", type(given).__name__)
        known = self._names.get(plain_name(theirs))
        hint = "" if known is None else f"; write {known!r}"
        if getattr(given, "reduction", "mean") != "mean":
            hint = "; losses here are means over the samples"
        raise TypeError(f"{_article(self.kind)} is a name or {self._example}, got {brief(given)}{hint}")

    def _with_settings(self, text: str) -> Any:
        """Return the row of ``name(settings)``, as its own ``str`` writes them, or None."""
        called = re.fullmatch(r"([^()]{1,40})(\(.{0,160}\))", text)
        known = called and self._names.get(plain_name(called[1]))
        if not called or known is None:
            return None
        row: Any = self._rows[known]
        if not isinstance(row, type):
            if not row.settings:
                return None
            row = type(row)
        try:
            call = ast.parse(f"f{called[2]}", mode="eval").body
            assert isinstance(call, ast.Call)
            values = [ast.literal_eval(one) for one in call.args]
            settings = {str(one.arg): ast.literal_eval(one.value) for one in call.keywords}
        except (SyntaxError, ValueError, AssertionError):
            return None
        return row(*values, **settings)

    def unknown(self, name: object) -> UnknownNameError:
        """Build the error for a name that no row goes by: with the difference, or with the nearest name."""
        asked = plain_name(str(name))
        if asked in self._elsewhere:
            return UnknownNameError(f"unknown {self.kind} {name!r}: {self._elsewhere[asked]}")
        if self.kind in ("activation", "loss") and re.search(r"[+*/^]", str(name)):
            return UnknownNameError(f"{name!r} is not a name: write pl.symbolic.{self.kind}({name!r}) for a formula")
        near = nearest(asked, self._names)
        hint = f"did you mean {self._names[near]!r}? Known" if near else "known"
        return UnknownNameError(f"unknown {self.kind} {name!r}: {hint}: {', '.join(sorted(self._rows))}")

    @property
    def elsewhere(self) -> Mapping[str, str]:
        """Sentences about names of other libraries that mean something else here."""
        return dict(self._elsewhere)

    def table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Return the headings and the rows of the table as text."""
        header = ("name", "also", *(column[0] for column in self._columns))
        return header, [
            (name, ", ".join(row.synonyms), *(column[1](row) for column in self._columns))  # type: ignore[attr-defined]
            for name, row in self._rows.items()
        ]

    def document(self) -> Document:
        """Return the table as a document."""
        from pellucid.document import Document, Table, escape

        header, texts = self.table()
        rows = []
        for row, text in zip(self.values(), texts, strict=True):
            formulas = [f"${column[2](row)}$" if len(column) == 3 else None for column in self._columns]
            rows.append(
                tuple(formula or escape(cell) for cell, formula in zip(text, [None, None, *formulas], strict=True))
            )
        return Document(_plural(self.kind).capitalize(), (Table(tuple(map(escape, header)), tuple(rows)),))

    @property
    def text(self) -> str:
        """The table as plain text, as wide as the terminal."""
        rich_table = import_extra("rich.table", "", "printing a table")
        rich_box = import_extra("rich.box", "", "printing a table")
        console = import_extra("rich.console", "", "printing a table").Console(file=io.StringIO(), color_system=None)
        if "COLUMNS" not in os.environ and not (sys.stdout and sys.stdout.isatty()):
            console.width = 120  # a file or a pipe has no width
        console.width = max(console.width, 80)
        header, rows = self.table()
        grid = rich_table.Table(box=rich_box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
        for heading in header:
            grid.add_column(heading, overflow="fold", no_wrap=heading == "name")
        for row in rows:
            grid.add_row(*(_text(cell) for cell in row))
        console.print(grid)
        lines = [line[1:].rstrip() for line in console.file.getvalue().split("\n")]
        return "\n".join(line for line in lines if line)

    def __repr__(self) -> str:
        return f"<{len(self)} {_plural(self.kind)}: {', '.join(self)}>"


def _text(cell: str) -> Any:
    return import_extra("rich.text", "", "printing a table").Text(cell)  # brackets in it are not markup


def _article(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def _plural(kind: str) -> str:
    return kind + ("es" if kind.endswith("s") else "s")
