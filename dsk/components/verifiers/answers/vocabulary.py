"""The LaTeX and English that answers are written in: which tokens mean the same, and which mean nothing."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


UNICODE = str.maketrans(
    {
        "−": "-", "–": "-", "—": "-", "×": "\\times ", "·": "\\cdot ", "÷": "/", "≤": "\\le ", "≥": "\\ge ",
        "≠": "\\ne ", "∞": "\\infty ", "π": "\\pi ", "°": "^\\circ ", "∪": "\\cup ", "∩": "\\cap ",
        "∅": "\\emptyset ", "±": "\\pm ", "∈": "\\in ", "→": "\\to ", "²": "^2", "³": "^3", "′": "'",
        "ℝ": "\\mathbb{R}", "ℤ": "\\mathbb{Z}", "ℚ": "\\mathbb{Q}", "ℕ": "\\mathbb{N}", "ℂ": "\\mathbb{C}",
        "“": '"', "”": '"', "’": "'", "\u00a0": " ", "\u200b": "", "\ufeff": "", "\u2061": "",
    }
)  # fmt: skip
"""Characters that models type in place of LaTeX."""

INVISIBLE = _words(
    r"""\left \right \big \Big \bigg \Bigg \bigl \bigr \Bigl \Bigr \biggl \biggr \Biggl \Biggr \middle
    \displaystyle \textstyle \scriptstyle \limits \nolimits \quad \qquad \, \; \: \! \> \hfill \thinspace \medspace
    \thickspace \negthinspace \enspace \hspace \ensuremath \boxed \degree \$ $ \( \) \[ \] ~ \n \t \allowbreak \nobreak
    \phantom \protect \bf \rm \it \mathstrut \strut"""
) | {"\\ "}
"""Tokens that only move ink."""

SAME = {
    "\\dfrac": "\\frac", "\\tfrac": "\\frac", "\\cfrac": "\\frac", "\\dbinom": "\\binom", "\\tbinom": "\\binom",
    "\\leq": "\\le", "\\leqslant": "\\le", "\\geq": "\\ge", "\\geqslant": "\\ge", "\\neq": "\\ne", "\\lt": "<",
    "\\gt": ">", "\\rightarrow": "\\to", "\\longrightarrow": "\\to", "\\varnothing": "\\emptyset",
    "\\lbrace": "\\{", "\\rbrace": "\\}", "\\lbrack": "[", "\\rbrack": "]", "\\lparen": "(", "\\rparen": ")",
    "\\lvert": "|", "\\rvert": "|", "\\vert": "|", "\\mid": "|", "\\|": "\\Vert", "\\lVert": "\\Vert",
    "\\rVert": "\\Vert", "\\land": "\\wedge", "\\lor": "\\vee", "\\lnot": "\\neg", "\\ast": "*", "\\dots": "\\ldots",
    "\\cdots": "\\ldots", "\\times": "\\cdot", "\\prime": "'",
    "\\bmod": "\\pmod", "\\mod": "\\pmod", "\\implies": "\\Rightarrow", "\\colon": ":",
    "\\iff": "\\Leftrightarrow", "\\minus": "-", "\\plus": "+", "\\%": "%", "\\T": "\\top", "\\intercal": "\\top",
}  # fmt: skip
"""Spellings of one thing."""

TEXT = _words(
    r"""\text \textrm \textbf \textit \textsf \texttt \textnormal \mbox \hbox \mathrm \mathbf \mathit \mathsf
    \mathtt \operatorname \bm \boldsymbol \emph \textup \textsc"""
)
"""Macros around words or upright letters; the letters are what counts."""

ARGUMENTS = {"\\frac": 2, "\\binom": 2, "\\pmod": 1} | dict.fromkeys(
    r"\sqrt \mathbb \mathcal \mathfrak \overline \bar \hat \vec \tilde".split(),  # noqa: SIM905
    1,
)
"""Macros whose arguments may come without braces."""

ENVIRONMENTS = {"bmatrix": "pmatrix", "matrix": "pmatrix", "array": "pmatrix", "smallmatrix": "pmatrix"}
"""Matrices differ in their brackets only."""

OPERATORS = frozenset("+-*/=<>,(^_|") | {"\\cdot", "\\to", "\\le", "\\ge", "\\in", "\\cup"}
"""A quantity does not end in one of these, so what follows is not its unit."""

QUANTITIES = _words(r"\pi \infty \sqrt")
"""Besides digits, what shows that a unit may follow."""

UNITS = _words(
    """cm mm km m ft in feet foot inch inches meter meters metre metres mile miles yard yards degree degrees deg radian
    radians rad unit units square sq cubic second seconds sec s minute minutes min hour hours hr hrs day days week weeks
    month months year years kg g gram grams mg lb lbs pound pounds ounce ounces oz liter liters litre litres dollar
    dollars cent cents euro euros percent mph kmh mps way ways people students points times items"""
)
"""Words after a number that are its unit even outside `\\text`."""

SAME_UNITS = {
    spelling: unit
    for unit, spellings in {
        "cm": "centimeter centimetre", "m": "meter metre", "mm": "millimeter millimetre", "km": "kilometer kilometre",
        "ft": "foot feet", "in": "inch inche", "yd": "yard", "mi": "mile", "s": "sec second", "min": "minute",
        "h": "hr hour", "kg": "kilogram", "g": "gram", "mg": "milligram", "lb": "pound", "oz": "ounce",
        "l": "liter litre", "ml": "milliliter millilitre", "mph": "milesperhour mile/hour miles/hour mi/h",
        "km/h": "kmh kph kilometersperhour kilometresperhour kmperhour", "dollar": "usd", "euro": "eur",
        "degree": "deg", "rad": "radian", "unit^2": "squareunit sq.unit squnit",
        "cm^2": "squarecentimeter squarecm sqcm",
        "m^2": "squaremeter squaremetre sqm", "unit^3": "cubicunit", "am": "am", "pm": "pm",
    }.items()
    for spelling in (unit, *spellings.split())
}  # fmt: skip
"""One name for each unit, by its spellings without spaces, dots and plural."""

NOT_UNITS = _words("or and not but if nor something")
"""Words that a unit does not hold: what they are in says more than a quantity."""

FUNCTION_NAME = "f(x)"
"""Stands for every function's name on the left of `=`."""
