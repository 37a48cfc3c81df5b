"""Make coefficients.hpp: the polynomials of math.hpp, by interpolation at Chebyshev's nodes in 60 digits.

Run with ``python native/coefficients.py > native/coefficients.hpp``; needs mpmath. For each function it prints the
coefficients, lowest power first, and the largest error of the polynomial relative to the function that it serves.
"""

from collections.abc import Callable

import mpmath as mp

mp.mp.dps = 60

Function = Callable[[mp.mpf], mp.mpf]


def interpolate(function: Function, low: mp.mpf, high: mp.mpf, degree: int) -> list[mp.mpf]:
    """Return the coefficients of the polynomial through Chebyshev's nodes of an interval."""
    count = degree + 1
    middle, half = (high + low) / 2, (high - low) / 2
    nodes = [middle + half * mp.cos(mp.pi * (2 * i + 1) / (2 * count)) for i in range(count)]
    powers = mp.matrix(count, count)
    for i, node in enumerate(nodes):
        for j in range(count):
            powers[i, j] = node**j
    return list(mp.lu_solve(powers, mp.matrix([function(node) for node in nodes])))


def worst(error: Function, low: mp.mpf, high: mp.mpf) -> mp.mpf:
    """Return the largest |error| over 2,000 points of an interval."""
    return max(abs(error(low + (high - low) * (i + mp.mpf(1) / 2) / 2000)) for i in range(2000))


def show(name: str, kind: str, coefficients: list[mp.mpf], error: mp.mpf) -> None:
    """Print one array."""
    suffix = "f" if kind == "float" else ""
    digits = 9 if kind == "float" else 17
    rows = ", ".join(mp.nstr(c, digits) + suffix for c in coefficients)
    print(f"// relative error {mp.nstr(error, 2)}")
    print(f"template <>\nstruct {name}<{kind}> {{\n    static constexpr {kind} c[] = {{{rows}}};\n}};")


def main() -> None:
    """Print the header."""
    print("// Made by coefficients.py: polynomials, lowest power first.\n#pragma once\n")
    print("namespace pellucid::PELLUCID_ISA {\n")
    ln2, root2 = mp.log(2), mp.sqrt(2)

    # e^r - 1 = r + r² P(r), |r| ≤ ln 2 / 2
    def exponential(r: mp.mpf) -> mp.mpf:
        return (mp.expm1(r) - r) / r**2 if abs(r) > mp.mpf(10) ** -12 else mp.mpf(1) / 2 + r / 6

    # ln(1 + f) = f - (f²/2 - s (f²/2 + R)), s = f/(2 + f), R = s² Q(s²), |s| ≤ (√2 - 1)/(√2 + 1)
    def logarithm(z: mp.mpf) -> mp.mpf:
        s = mp.sqrt(z)
        return (mp.log((1 + s) / (1 - s)) - 2 * s) / (s * z) if z > mp.mpf(10) ** -20 else mp.mpf(2) / 3 + 2 * z / 5

    # sin r = r + r³ P(r²), cos r = 1 - r²/2 + r⁴ P(r²), |r| ≤ π/4
    def sine(z: mp.mpf) -> mp.mpf:
        r = mp.sqrt(z)
        return (mp.sin(r) - r) / (r * z) if z > mp.mpf(10) ** -12 else -mp.mpf(1) / 6 + z / 120

    def cosine(z: mp.mpf) -> mp.mpf:
        r = mp.sqrt(z)
        return (mp.cos(r) - 1 + z / 2) / z**2 if z > mp.mpf(10) ** -10 else mp.mpf(1) / 24 - z / 720

    # Φ(-y) = e^(-y²/2) P(t)/(y + 4), t = (y - 4)/(y + 4), 0 ≤ y ≤ 40: the factors of a function that falls like 1/y
    shift = mp.mpf(4)

    def tail(t: mp.mpf) -> mp.mpf:
        y = shift * (1 + t) / (1 - t)
        return mp.exp(y * y / 2) * mp.erfc(y / root2) / 2 * (y + shift)

    last = (40 - shift) / (40 + shift)
    reach = ((root2 - 1) / (root2 + 1)) ** 2
    quarter = (mp.pi / 4) ** 2
    tables: list[tuple[str, Function, mp.mpf, mp.mpf, dict[str, int], Callable[[Function], Function]]] = [
        ("ExpTerms", exponential, -ln2 / 2, ln2 / 2, {"float": 4, "double": 9},
         lambda p: lambda r: (r + r * r * p(r) - mp.expm1(r)) / mp.expm1(r)),
        ("LogTerms", logarithm, mp.mpf(0), reach, {"float": 3, "double": 6},
         lambda p: lambda z: (p(z) - logarithm(z)) * z / 2),
        ("SinTerms", sine, mp.mpf(0), quarter, {"float": 2, "double": 5},
         lambda p: lambda z: (p(z) - sine(z)) * z * mp.sqrt(z) / mp.sin(mp.sqrt(z))),
        ("CosTerms", cosine, mp.mpf(0), quarter, {"float": 2, "double": 6},
         lambda p: lambda z: (p(z) - cosine(z)) * z**2 / mp.cos(mp.sqrt(z))),
        ("TailTerms", tail, mp.mpf(-1), last, {"float": 10, "double": 24},
         lambda p: lambda t: p(t) / tail(t) - 1),
    ]  # fmt: skip
    for name, function, low, high, degrees, error in tables:
        print(f"template <class T>\nstruct {name};")
        for kind, degree in degrees.items():
            coefficients = interpolate(function, low, high, degree)
            show(name, kind, coefficients, worst(error(lambda x, c=coefficients: mp.polyval(c[::-1], x)), low, high))
        print()
    print("}  // namespace pellucid::PELLUCID_ISA")


if __name__ == "__main__":
    main()
