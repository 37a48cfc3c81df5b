"""The commands for learning and teaching: chain, equations, draw, worksheet, grade."""

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from pellucid.arrays import as_count
from pellucid.cli import output as out
from pellucid.cli.commands import Json, Numbers, Output, Whole, app, are_sizes, read_sizes, refuse_bias
from pellucid.engine import as_threads
from pellucid.loading import load
from pellucid.losses import as_loss
from pellucid.network import Network
from pellucid.storage import check_writable, write_atomically

if TYPE_CHECKING:
    from pellucid.document import Document

# What needs SymPy is imported by the command that uses it.

Form = Annotated[str, Parameter(name="--format")]

_ENDINGS = {"text": ".txt", "markdown": ".md", "latex": ".tex", "html": ".html", "pdf": ".pdf", "json": ".json"}


@app.command
def chain(
    definitions: str,
    *,
    wrt: str,
    at: Numbers = None,
    form: Form = "text",
    output: Output = None,
    json: Json = False,
) -> None:
    """Differentiate by the chain rule, through any graph of definitions, step by step.

    Parameters
    ----------
    definitions
        Such as "f = 4*f1^2; f1 = f2 - 2; f2 = 5*x^3 - x + 1". What no other one uses is differentiated.
    wrt
        The variable to differentiate by, or several such as u,v.
    at
        Numbers for the free variables, such as x=2 or u=0.5,v=-1: numeric factors, and a check by difference quotients.
    form
        text, markdown, latex, html or svg (the graph alone).
    output
        File to write; its ending chooses the format: .txt, .md, .tex, .html, .pdf, .json or .svg.
    json
        Print one JSON object.
    """
    from pellucid.symbolic import chain_rule

    numbers = None if at is None else _numbers_by_name(at)
    found = [chain_rule(definitions, variable.strip(), numbers) for variable in wrt.split(",")]
    if json:
        out.print_json({"derivatives": [one.to_dict() for one in found]} if len(found) > 1 else found[0].to_dict())
        return
    if form == "svg" or (output or "").endswith(".svg"):
        _write_or_print(found[0].draw().svg, output)
        return
    if output is None and form == "text":
        out.print_text("\n".join(one.text for one in found).rstrip("\n"))
        return
    _deliver(_joined([one.document() for one in found]), form, output)


@app.command
def equations(
    network: str,
    *,
    activation: str = "sigmoid",
    output_activation: str | None = None,
    loss: str = "mse",
    bias: bool | None = None,
    form: Form = "text",
    output: Output = None,
) -> None:
    """Write out a network's equations, and derive the four equations of backpropagation.

    Parameters
    ----------
    network
        Sizes such as 3-4-2, or a model file.
    activation
        Of a network given by its sizes.
    output_activation
        Of its output layer; the same unless given.
    loss
        What ∇_a L is derived for.
    bias
        Whether a network given by its sizes has biases; it has by default.
    form
        text, markdown, latex or html.
    output
        File to write; its ending chooses the format: .txt, .md, .tex, .html, .pdf or .json.
    """
    from pellucid.symbolic import equations as network_equations

    _deliver(network_equations(_network(network, activation, output_activation, bias), as_loss(loss)), form, output)


@app.command
def draw(
    network: str,
    *,
    activation: str = "sigmoid",
    output_activation: str | None = None,
    bias: bool | None = None,
    show: str = "a",
    output: Output = None,
) -> None:
    """Draw a network with its labels.

    Parameters
    ----------
    network
        Sizes such as 3-4-2, or a model file.
    activation
        Of a network given by its sizes.
    output_activation
        Of its output layer; the same unless given.
    bias
        Whether a network given by its sizes has biases; it has by default.
    show
        What to label: any of a, w, b, z, d, such as a,w,b.
    output
        The file, whose ending chooses the format (.svg, .tex, .html, .pdf); without it SVG goes to standard output.
    """
    symbols = tuple(symbol.strip() for symbol in show.split(",") if symbol.strip())
    drawing = _network(network, activation, output_activation, bias).draw(show=symbols)
    if output is None:
        _write_or_print(drawing.svg, None)
    else:
        drawing.save(output)


@app.command
def worksheet(
    *,
    variant: Whole | None = None,
    blank: bool = False,
    key: bool = False,
    answers: bool = False,
    students: str | None = None,
    class_size: Annotated[Whole | None, Parameter(name="--class")] = None,
    form: Annotated[str | None, Parameter(name="--format")] = None,
    output: Output = None,
) -> None:
    """Print the exercises of a first course in backpropagation: solved, blank, or their key.

    Parameters
    ----------
    variant
        Another worksheet of the same difficulty, made by this seed.
    blank
        Without solutions, with room to write.
    key
        The answers alone.
    answers
        The file to fill in for `pellucid grade`, as TOML.
    students
        A file with a name on each line: one variant for each, with the keys, in the folder that -o names.
    class_size
        So many variants, with the keys, in the folder that -o names.
    form
        text, markdown, latex, html or pdf; for a class pdf unless given.
    output
        The file, whose ending chooses the format (.txt, .md, .tex, .html, .pdf), or the folder of a class.
    """
    from pellucid import worksheet as sheets

    if students is not None or class_size is not None:
        _write_class(students, class_size, variant, form, output)
        return
    if blank + key + answers > 1:
        raise ValueError("--blank, --key and --answers are different sheets; ask for one")
    sheet = sheets.worksheet(variant)
    if answers:
        if output is not None and not output.lower().endswith(".toml"):
            raise ValueError(f"the file of answers is TOML: {output} should end in .toml")
        _write_or_print(sheets.template(sheet), output)
        return
    make = sheets.blank if blank else sheets.key if key else sheets.solved
    _deliver(make(sheet), form or "text", output)


def _write_class(
    students: str | None, size: int | None, variant: int | None, form: str | None, folder: str | None
) -> None:
    from pellucid.worksheet import write_class

    names: list[str] = []
    if students is not None:
        names = [line.strip() for line in Path(students).read_text(encoding="utf-8-sig").splitlines() if line.strip()]
        if not names:
            raise ValueError(f"{students} has no names")
    count = as_count(size, "--class") if size is not None else len(names)
    if folder is None:
        raise ValueError("a class is written to a folder: name it with -o")
    ending = "pdf" if form is None else _ENDINGS.get(form, f".{form}")[1:]
    handouts = write_class(folder, count, first=1 if variant is None else variant, students=names, ending=ending)
    first, last = handouts[0].variant, handouts[-1].variant
    out.print_text(f"{count} sheets with keys, variants {first} … {last}, in {folder} (manifest.json lists them)")


@app.command
def grade(
    answers: str,
    *,
    variant: Whole | None = None,
    solutions: bool = False,
    output: Output = None,
    json: Json = False,
) -> None:
    """Grade a file of answers, or a folder of them.

    Answers are numbers, vectors, matrices, formulas and piecewise functions in any spelling that means the same. What
    follows from an earlier wrong answer is counted; mistakes that are known are named.

    Parameters
    ----------
    answers
        A TOML or JSON file (`pellucid worksheet --answers` prints an empty one), or a folder of them.
    variant
        The variant that was handed out; without it the one that each file names.
    solutions
        Tell the right answers in the reports.
    output
        For a file: where to write the report (.txt, .md, .tex, .html, .pdf). For a folder: a folder for the reports
        (HTML) and grades.csv.
    json
        Print one JSON object.
    """
    from pellucid import worksheet as sheets
    from pellucid.worksheet.grading import short_names

    if not os.path.isdir(answers):
        graded = sheets.grade(answers, variant)
        if json:
            out.print_json(graded.to_dict())
        else:
            _deliver(graded.report(solutions=solutions), "text", output)
        return
    grades = sheets.grade_folder(answers, variant, processes=as_threads(None))
    table = sheets.grades_csv(grades)
    passed_over = sheets.passed_over(answers)
    if passed_over:
        out.print_aside("passed over, neither TOML nor JSON:", ", ".join(passed_over))
    if output is not None:
        folder = Path(output)
        folder.mkdir(parents=True, exist_ok=True)
        names = [Path(name) for name in short_names(grades)]
        stems = [name.with_suffix("") for name in names]
        for name, stem, one in zip(names, stems, grades, strict=True):
            if isinstance(one, sheets.Grade):
                report = folder / f"{stem if stems.count(stem) == 1 else name}.html"  # a.toml and a.json are two
                report.parent.mkdir(parents=True, exist_ok=True)
                one.report(solutions=solutions).save(report)
        write_atomically(folder / "grades.csv", table.encode())
    if json:
        out.print_json({"grades": [one.to_dict() if isinstance(one, sheets.Grade) else vars(one) for one in grades]})
    elif output is None:
        sys.stdout.write(table)
    else:
        for one in grades:
            out.print_text(one.headline if isinstance(one, sheets.Grade) else one.reason)


# helpers


def _network(text: str, activation: str, output_activation: str | None, bias: bool | None) -> Network:
    if are_sizes(text):
        return Network(read_sizes(text), activation, output_activation, init=0.0, bias=bias is not False)
    refuse_bias(bias)
    return out.network_of(load(text))


def _numbers_by_name(text: str) -> dict[str, float]:
    numbers = {}
    for part in re.split(r"[,;]\s*(?=[^,;=]+=)", text):
        name, equals, value = part.partition("=")
        try:
            if not equals or "_" in value:
                raise ValueError
            numbers[name.strip()] = float(value)
        except ValueError:
            raise ValueError(f"--at takes numbers such as x=2 or u=0.5,v=-1, got {text!r}") from None
    return numbers


def _joined(documents: "list[Document]") -> "Document":
    from pellucid.document import Document, Heading

    if len(documents) == 1:
        return documents[0]
    blocks: list[Any] = []
    for document in documents:
        blocks += [Heading(1, document.title), *document.blocks]
    return Document("Derivatives by the chain rule", tuple(blocks))


def _deliver(document: "Document", form: str, path: str | None) -> None:
    """Write a document to a file by its ending, or print it."""
    if path is not None:
        check_writable(path)
        document.save(path)
        return
    writers = {
        "text": lambda: document.text,
        "markdown": lambda: document.markdown,
        "latex": lambda: document.latex_document,
        "html": lambda: document.html,
    }
    if form == "pdf":
        raise ValueError("PDF is written to a file: name one with -o")
    if form not in writers:
        raise ValueError(f"unknown format {form!r}: known: {', '.join(writers)}, and more by the ending of -o")
    out.print_text(writers[form]().rstrip("\n"))


def _write_or_print(text: str, path: str | None) -> None:
    if path is None:
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
        return
    check_writable(path)
    write_atomically(path, text.encode())
