"""The command for the table of mistakes: the list of them, and the page of each."""

from pellucid.checking.diagnosis import STEPS
from pellucid.checking.mistakes import MISTAKES, Mistake
from pellucid.cli import output as out
from pellucid.cli.commands import Json, app


@app.command
def mistakes(*numbers: str, json: Json = False) -> None:
    """List the mistakes that the checker knows, or print the pages of some of them.

    Parameters
    ----------
    numbers
        Of the mistakes, such as 2 or 18b; the list of all without them.
    json
        Print one JSON object.
    """
    rows = [_row(number) for number in numbers]
    if json:
        out.print_json({"mistakes": [row.to_dict() for row in rows or MISTAKES.values()]})
    elif rows:
        out.print_text("\n\n".join(row.text.strip("\n") for row in rows))
    else:
        cells = [(row.row, row.name, STEPS[row.step]) for row in MISTAKES.values()]
        widths = [max(len(one[i]) for one in cells) for i in range(2)]
        lines = [f"{number:<{widths[0]}}  {name:<{widths[1]}}  {step}" for number, name, step in cells]
        out.print_text("\n".join(lines) + "\n\nthe page of one: pellucid mistakes 2")


def _row(number: str) -> Mistake:
    found = MISTAKES.get(number.strip("[]").lower())
    if found is None:
        first, last = next(iter(MISTAKES)), list(MISTAKES)[-1]
        raise ValueError(f"there is no mistake {number!r}: they are {first} … {last}; pellucid mistakes lists them")
    return found
