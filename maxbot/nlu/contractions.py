"""Words that are cut, or kept whole, against the general rules of tokens: `don't`, `5pm`, `e.g.`, `:)`."""

from collections.abc import Iterator

PERSONS = "i you he she it we they"
QUESTIONS = "who what when where why how there that this these those"
AUXILIARIES = "ca could do does did had may might must need ought sha should wo would"
BARE_AUXILIARIES = "ai are is was were have has dare"

WORDS_OF_THEIR_OWN = frozenset(("ill", "its", "were", "well", "shed", "shell", "hell", "whore"))
"""What some contractions are without their apostrophe: these are never cut."""

DROPPED_G = "doin goin havin lovin nothin nuthin somethin ol"
DROPPED_START = "em cause Cause cos Cos coz Coz cuz Cuz bout nuff"
CUT_OTHERWISE = {"cannot": 3, "gonna": 3, "gotta": 3}

ABBREVIATIONS = (
    "Adm. Ak. Ala. Apr. Ariz. Ark. Aug. Bros. Calif. Co. Colo. Conn. Corp. D.C. Dec. Del. Dr. E.G. E.g. Feb. Fla. Ga."
    " Gen. Gov. I.E. I.e. Ia. Id. Ill. Inc. Ind. Jan. Jr. Jul. Jun. Kan. Kans. Ky. La. Ltd. Mar. Mass. Md. Messrs."
    " Mich. Minn. Miss. Mo. Mont. Mr. Mrs. Ms. Mt. N.C. N.D. N.H. N.J. N.M. N.Y. Neb. Nebr. Nev. Nov. Oct. Okla. Ore."
    " Pa. Ph.D. Prof. Rep. Rev. S.C. Sen. Sep. Sept. St. Tenn. Va. Wash. Wis. a.m. co. e.g. i.e. p.m. v.s. vs. and/or"
    " w/o C++ em nuff ll 'S 's 'd 'll 're ‘S ‘s ’S ’s ’d ’ll ’re ' '' ’ ’’"
    " —"
)

EMOTICONS = (
    ":) :-) :)) :-)) :))) :-))) (: (-: =) (= :] :-] [: [-: [= =] ]= :o) (o: :} :-} 8) 8-) (-8 ;) ;-) (; (-; :( :-( :(("
    " :-(( :((( :-((( ): )-: =( >:( :') :'-) :'( :'-( :/ :-/ =/ =| :| :-| :1 :P :-P :p :-p :O :-O :o :-o :0 :-0 :() >:o"
    " :* :-* :3 :-3 =3 :> :-> :X :-X :x :-x :D :-D ;D ;-D =D xD XD xDD XDD 8D 8-D ^_^ ^__^ ^___^ >.< >.> <.< ._. ;_;"
    " -_- -__- v.v V.V v_v V_V o_o o_O O_o O_O 0_o o_0 0_0 o.O O.o O.O o.o 0.0 o.0 0.o @_@ <3 <33 <333 </3 (^_^) (-_-)"
    " (._.) (>_<) (*_*) (¬_¬) ಠ_ಠ ಠ︵ಠ (ಠ_ಠ) ¯\\(ツ)/¯ ><(((*> \\n \\t"
    ' \\") [= =['
    " (╯°□°）╯︵┻━┻ :’) :’( :’-) :’-("
)


def pieces_of_words() -> dict[str, tuple[int, ...]]:
    """Return the exceptions: each whole run, with the lengths of the tokens that it is."""
    table: dict[str, tuple[int, ...]] = {
        word: (len(word),) for word in [*ABBREVIATIONS.split(), *EMOTICONS.split(), *_kept_whole()]
    }
    for pieces in _cut():
        word = "".join(pieces)
        if word not in WORDS_OF_THEIR_OWN:
            table[word] = table[word.capitalize()] = tuple(map(len, pieces))
    del table["Yall"], table["Y'all"], table["Y’all"]
    table.update({f"°{unit}.": (1, 1, 1) for unit in "CFKcfk"})
    for hour in range(1, 13):
        for half in ("am", "pm", "a.m.", "p.m."):
            table[f"{hour}{half}"] = (len(str(hour)), len(half))
    return table


def _kept_whole() -> Iterator[str]:
    yield from (f"{letter}." for letter in "abcdefghijklmnopqrstuvwxyzäöü")
    for mark in "'’":
        for word in ("o%sclock", "ma%sam", *(f"{word}%s" for word in DROPPED_G.split())):
            yield from (word % mark, (word % mark).capitalize())
        yield from (f"{mark}{word}" for word in DROPPED_START.split())
    for word in DROPPED_G.split():
        yield from (word, word.capitalize())


def _cut() -> Iterator[tuple[str, ...]]:
    for mark in ("'", "’", ""):
        yield from _of_persons(mark)
        yield from _of_questions(mark)
        yield from _of_verbs(mark)
        yield "not", f"{mark}ve"
    yield from ((word[:cut], word[cut:]) for word, cut in CUT_OTHERWISE.items())
    for mark in "'’":
        yield "let", f"{mark}s"
        yield f"c{mark}m", "on"
        yield "how", f"{mark}d", f"{mark}y"
    yield from (("y'", "all"), ("y’", "all"), ("y", "all"))


def _of_persons(mark: str) -> Iterator[tuple[str, ...]]:
    for word in PERSONS.split():
        yield from _future(word, mark)
    yield from ((word, f"{mark}ve") for word in ("i", "you", "we", "they"))
    yield from ((word, f"{mark}re") for word in ("you", "we", "they"))
    yield from ((word, f"{mark}s") for word in ("he", "she", "it"))
    yield "i", f"{mark}m"
    yield "i", f"{mark}m", "a"


def _of_questions(mark: str) -> Iterator[tuple[str, ...]]:
    for word in QUESTIONS.split():
        yield from _future(word, mark)
        if word not in ("these", "those"):
            yield word, f"{mark}s"
        if word not in ("that", "this"):
            yield word, f"{mark}re"
            yield word, f"{mark}ve"


def _future(word: str, mark: str) -> Iterator[tuple[str, ...]]:
    for ending in ("ll", "d"):
        yield word, f"{mark}{ending}"
        yield word, f"{mark}{ending}", f"{mark}ve"


def _of_verbs(mark: str) -> Iterator[tuple[str, ...]]:
    for word in AUXILIARIES.split():
        yield word, f"n{mark}t"
        yield word, f"n{mark}t", f"{mark}ve"
    yield from ((word, f"n{mark}t") for word in BARE_AUXILIARIES.split())
    yield from ((word, f"{mark}ve") for word in ("could", "might", "must", "should", "would"))
