#!/usr/bin/env python3
"""Writes jinja-random.json.gz: random chat-template code and what Python's Jinja2 makes of it.

    python3 jinja_oracle.py [COUNT] > jinja-random.json.gz

Templates are drawn from a grammar of what chat templates use: expressions with every operator,
filter, test and method that is supported, loops, conditions, assignments, macros, namespaces, call
and filter blocks, and white space control around all of it. The environment is the one of
transformers' apply_chat_template. What Python refuses to render is kept as an error; at most every
fifth case is one. Data comes from jinja-cases.json, which lies beside it.
"""

import datetime
import gzip
import json
import pathlib
import random
import sys

import jinja2
import jinja2.ext
from jinja2 import nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

SEED = 20240726
RESOURCES = pathlib.Path(__file__).parent.parent / "resources/dev/graft/tokenizer/template"


class Generation(jinja2.ext.Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        call = self.call_method("_render")
        return nodes.CallBlock(call, [], [], body).set_lineno(line)

    def _render(self, caller):
        return caller()


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(
        x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def environment():
    env = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols]
    )
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    now = datetime.datetime(2024, 7, 26, 9, 5, 3, 1002)
    env.globals["strftime_now"] = now.strftime
    return env


STRINGS = ["s", "t", "u", "e", "words[0]", "m.role", "m['content']", "msgs[0].role", "s[1:4]"]
TEXTS = ["", " ", "a", "Hello", "two words", "x,y,,z", " padded\\n", "it\\'s", "é", "😀a", "Aß", "1", "-2.5"]
NUMBERS = ["n", "f", "nums[0]", "big", "words|length", "loop.index", "nums|sum", "n + 1"]
LISTS = ["l", "words", "nums", "msgs", "d.keys()|list", "d.items()|list", "s|list", "range(n)|list"]
DICTS = ["d", "m", "deep", "msgs[0]", "msgs[-1]", "deep.x", "dict(a=1, b=n)"]
ATTRIBUTES = ["role", "content", "name", "a", "x", "missing"]


class Writer:
    """Draws templates; depth bounds how far expressions and statements nest."""

    def __init__(self, draw):
        self.draw = draw
        self.names = []

    def pick(self, *choices):
        choice = self.draw.choice(choices)
        return choice() if callable(choice) else choice

    def text(self, depth):
        if depth <= 0:
            return self.pick(*STRINGS, "'%s'" % self.draw.choice(TEXTS))
        inner = lambda: self.text(depth - 1)
        return self.pick(
            inner,
            lambda: "(%s ~ %s)" % (inner(), self.any(depth - 1)),
            lambda: "(%s + %s)" % (inner(), inner()),
            lambda: "(%s * %d)" % (inner(), self.draw.randrange(-1, 4)),
            lambda: inner() + self.text_filter(),
            lambda: inner() + self.text_filter(),
            lambda: inner() + self.text_method(),
            lambda: inner() + self.text_method(),
            lambda: "%s[%s]" % (inner(), self.slice()),
            lambda: "('%s'|format(%s))" % (self.percent(), self.any(depth - 1)),
            lambda: "('%s' %% %s)" % (self.percent(), self.any(depth - 1)),
            lambda: "(%s if %s else %s)" % (inner(), self.truth(depth - 1), inner()),
            lambda: "%s|join('%s')" % (self.list(depth - 1), self.draw.choice(["", ", ", "-"])),
            lambda: "%s|tojson%s" % (self.any(depth - 1), self.json_options()),
            lambda: "(%s|string)" % self.any(depth - 1),
            lambda: "(%s or %s)" % (inner(), inner()),
        )

    def percent(self):
        return self.pick(
            "%s", "%r", "<%5s>", "<%-5s>", "%.2f", "%d", "%5d", "%05d", "%x", "%e", "%g", "%+d", "%%", "%i%%", "%c"
        )

    def json_options(self):
        return self.pick(
            "", "", "", "(indent=2)", "(indent=4, sort_keys=true)", "(ensure_ascii=true)",
            "(separators=(',', ':'))", "(sort_keys=true)", "(indent=0)"
        )

    def text_filter(self):
        return self.pick(
            "|trim", "|upper", "|lower", "|title", "|capitalize", "|trim('a')", "|replace('l', 'L')",
            "|replace('a', '', 1)", "|center(9)", "|indent(2)", "|indent(2, true)", "|indent(4, first=true, blank=true)",
            "|truncate(5)", "|truncate(7, true, '..')", "|truncate(3, false, '…', 1)", "|wordcount|string",
            "|e", "|escape|string", "|urlencode", "|default('none')", "|default('', true)", "|reverse",
            "|first|string", "|last|string", "|length|string", "|string", "|safe", "|d('x', boolean=true)",
            "|forceescape",
        )

    def text_method(self):
        return self.pick(
            ".strip()", ".lstrip()", ".rstrip()", ".strip('a ')", ".lstrip('He')", ".rstrip('\\n')", ".upper()",
            ".lower()", ".title()", ".capitalize()", ".replace('a', 'bb')", ".replace('l', '', 1)",
            ".split()[0]", ".split(',')[-1]", ".split(' ', 1)|string", ".rsplit(' ', 1)|string", ".splitlines()|string",
            ".startswith('H')|string", ".endswith(('a', 'd'))|string", ".find('o')|string", ".rfind('l')|string",
            ".count('l')|string", ".zfill(6)", ".center(8, '*')", ".ljust(7)", ".rjust(7, '0')", ".partition(' ')|string",
            ".rpartition(',')|string", ".removeprefix('He')", ".removesuffix('d')", ".isdigit()|string",
            ".isalpha()|string", ".isupper()|string", ".isspace()|string", ".istitle()|string", ".expandtabs(4)",
            ".join(words)", ".join(['x', 'y'])", ".format(1, a=2)", ".isalnum()|string", ".index('l')|string",
            ".islower()|string", ".isnumeric()|string", ".split('l')|list|string", ".splitlines(true)|string",
        )

    def number(self, depth):
        if depth <= 0:
            return self.pick(
                *NUMBERS[:4], str(self.draw.randrange(-20, 100)), "%.3g" % self.draw.uniform(-50, 50), "0", "1", "2.0"
            )
        inner = lambda: self.number(depth - 1)
        return self.pick(
            inner,
            lambda: "(%s %s %s)" % (inner(), self.draw.choice(["+", "-", "*", "//", "%", "/", "-", "+"]), inner()),
            lambda: "(-%s)" % inner(),
            lambda: "(%s ** %d)" % (inner(), self.draw.randrange(0, 4)),
            lambda: "(%s|%s)" % (inner(), self.draw.choice(
                ["abs", "int", "float", "round", "round(2)", "round(1, 'floor')", "round(0, 'ceil')", "round(-1)"])),
            lambda: "(%s|length)" % self.list(depth - 1),
            lambda: "(%s|int(7))" % self.text(depth - 1),
            lambda: "(%s|int(base=16))" % self.text(0),
            lambda: "(%s|float(0.5))" % self.text(depth - 1),
            lambda: "(nums|%s)" % self.draw.choice(["sum", "max", "min", "sum(start=10)", "first", "last"]),
            lambda: "(%s if %s else %s)" % (inner(), self.truth(depth - 1), inner()),
        )

    def list(self, depth):
        if depth <= 0:
            return self.pick(*LISTS, "[1, 'a', none]", "[]", "('x', 2)", "[[3, 'c'], [1, 'a']]")
        inner = lambda: self.list(depth - 1)
        name = self.draw.choice(ATTRIBUTES)
        return self.pick(
            inner,
            lambda: "[%s, %s]" % (self.any(depth - 1), self.any(depth - 1)),
            lambda: "(%s + %s)" % (inner(), inner()),
            lambda: "%s[%s]" % (inner(), self.slice()),
            lambda: "(%s|list)" % inner(),
            lambda: "(%s|reverse|list)" % inner(),
            lambda: "(%s|map('%s')|list)" % (inner(), self.draw.choice(["string", "upper", "length", "tojson", "trim", "abs"])),
            lambda: "(msgs|map(attribute='%s')|list)" % name,
            lambda: "(msgs|map(attribute='%s', default='?')|list)" % name,
            lambda: "(msgs|%s('%s')|list)" % (self.draw.choice(["selectattr", "rejectattr"]), name),
            lambda: "(msgs|%s('role', '%s', '%s')|list)" % (
                self.draw.choice(["selectattr", "rejectattr"]), self.draw.choice(["equalto", "ne", "==", "in", "lt"]),
                self.draw.choice(["user", "system", "assistant"])),
            lambda: "(%s|%s('%s')|list)" % (
                inner(), self.draw.choice(["select", "reject"]),
                self.draw.choice(["string", "number", "none", "mapping", "sequence", "defined", "odd", "integer", "float", "boolean"])),
            lambda: "(%s|%s|list)" % (inner(), self.draw.choice(["select", "reject"])),
            lambda: "(%s|unique|list)" % self.draw.choice(["words", "nums", "words + words"]),
            lambda: "(%s|sort%s)" % (self.draw.choice(["words", "nums"]), self.draw.choice(
                ["", "(reverse=true)", "(case_sensitive=true)", "(true, true)"])),
            lambda: "(%s|batch(2)|list)" % inner(),
            lambda: "(%s|batch(3, '-')|list)" % inner(),
            lambda: "(%s|slice(2)|map('list')|list)" % inner(),
            lambda: "(d|dictsort%s)" % self.draw.choice(["", "", "(reverse=true)"]),
            lambda: "(%s|items|list)" % self.dict(depth - 1),
            lambda: "(%s.%s()|list)" % (self.dict(depth - 1), self.draw.choice(["keys", "values", "items"])),
            lambda: "(msgs|groupby('role')|map('first')|list)",
            lambda: "%s.split(%s)" % (self.text(0), self.draw.choice(["", "','", "'l'", "'o', 1"])),
            lambda: "(range(%s)|list)" % self.draw.choice(["3", "1, 4", "5, 0, -2", "n", "0"]),
        )

    def dict(self, depth):
        if depth <= 0:
            return self.pick(*DICTS, "{}", "{'k': n, 'z': [1]}")
        return self.pick(
            lambda: self.dict(depth - 1),
            lambda: "{'a': %s, %s: %s}" % (self.any(depth - 1), self.text(0), self.any(depth - 1)),
            lambda: "dict(%s, z=%s)" % (self.dict(0), self.any(depth - 1)),
            lambda: "(%s or {})" % self.dict(depth - 1),
        )

    def truth(self, depth):
        if depth <= 0:
            return self.pick("b", "none_v", "tools", "n", "s == t", "true", "false", "l", "not e", "missing is defined", "m.x is defined")
        inner = lambda: self.truth(depth - 1)
        return self.pick(
            lambda: "(%s and %s)" % (inner(), inner()),
            lambda: "(%s or %s)" % (inner(), inner()),
            lambda: "(not %s)" % inner(),
            lambda: "(%s %s %s)" % (self.number(depth - 1), self.draw.choice(["<", "<=", ">", ">=", "==", "!="]), self.number(depth - 1)),
            lambda: "(%s %s %s)" % (self.text(depth - 1), self.draw.choice(["==", "!=", "in", "not in", "<"]), self.text(depth - 1)),
            lambda: "(%s %s %s)" % (self.any(depth - 1), self.draw.choice(["==", "!=", "is sameas"]), self.any(depth - 1)),
            lambda: "(%s %s %s)" % (self.any(0), self.draw.choice(["in", "not in"]), self.list(depth - 1)),
            lambda: "('%s' in %s)" % (self.draw.choice(ATTRIBUTES), self.dict(depth - 1)),
            lambda: "(%s is %s%s)" % (self.any(depth - 1), self.draw.choice(["", "not "]), self.test()),
            lambda: "(0 < %s <= 10)" % self.number(depth - 1),
        )

    def test(self):
        return self.pick(
            "defined", "undefined", "none", "string", "number", "integer", "float", "boolean", "mapping", "sequence",
            "iterable", "true", "false", "odd", "even", "divisibleby 2", "divisibleby(3)", "eq 3", "equalto 'user'",
            "in ['user', 1, none]", "lower", "upper", "gt 2", "le(3)", "ne 1", "callable", "sameas none", "escaped"
        )

    def any(self, depth):
        return self.pick(
            lambda: self.text(depth), lambda: self.number(depth), lambda: self.list(depth), lambda: self.dict(depth),
            lambda: self.truth(depth), "none", "missing", "msgs[1].content", "deep.x.y", "d.get('%s')" % self.draw.choice("abcz"),
            "d.get('q', %d)" % self.draw.randrange(9), "l[1]", "l[-1]", "m['x']", "(msgs|first).role", *self.names,
        )

    def slice(self):
        return self.pick(":2", "1:", "-2:", "::-1", "1:3", ":-1", "::2", "5:", ":", "-3:-1", "2::-1", "n:", ":n", "4:1:-1")

    def statement(self, depth):
        if depth <= 0:
            return self.output(2) if self.draw.random() < 0.7 else self.words()
        body = lambda: self.body(depth - 1)
        return self.pick(
            lambda: self.output(3),
            lambda: self.output(2),
            self.words,
            lambda: self.tag("if " + self.truth(2)) + body() + self.otherwise(body) + self.tag("endif"),
            lambda: self.loop(body),
            lambda: self.loop(body),
            lambda: self.assignment(),
            lambda: self.tag("set x") + body() + self.tag("endset") + "{{ x|length }}",
            lambda: self.tag("set ns = namespace(k=%s)" % self.any(1)) + self.tag("for q in words") +
            self.tag("set ns.k = %s" % self.any(1)) + self.tag("endfor") + "{{ ns.k }}",
            lambda: self.macro(body),
            lambda: self.tag("filter %s" % self.draw.choice(["upper", "trim", "indent(2)", "replace('a', 'b')", "title"])) +
            body() + self.tag("endfilter"),
            lambda: self.tag("generation") + body() + self.tag("endgeneration"),
            lambda: self.tag("with w = %s" % self.any(1)) + "{{ w }}" + body() + self.tag("endwith"),
            lambda: "{#%s a comment %s#}" % (self.draw.choice(["", "-"]), self.draw.choice(["", "-"])),
            lambda: self.tag("raw") + "{{ raw }} {% if %}" + self.tag("endraw"),
        )

    def otherwise(self, body):
        return self.pick(
            "", "", lambda: self.tag("else") + body(),
            lambda: self.tag("elif " + self.truth(1)) + body() + self.tag("else") + body(),
        )

    def loop(self, body):
        kind = self.pick("x in words", "x in nums", "m in msgs", "k, v in d.items()", "x in %s" % self.list(1),
                         "i in range(3)", "x in l if x", "m in msgs if m.role == 'user'", "m in msgs recursive", "a, b in [[1, 2], ['x', 'y']]")
        if "recursive" in kind:
            return (self.tag("for m in [[1, [2]], [3]] recursive") + "{{ loop.depth }}:" +
                    self.tag("if m is iterable") + "({{ loop(m) }})" + self.tag("else") + "{{ m }}" +
                    self.tag("endif") + self.tag("endfor"))
        names = [name.strip() for name in kind.split(" in ")[0].split(",")]
        self.names += names + ["loop.index", "loop.first", "loop.last", "loop.index0", "loop.revindex", "loop.length",
                               "loop.previtem", "loop.nextitem", "loop.cycle('odd', 'even')", "loop.changed(%s)" % names[0]]
        before = self.draw.choice(["", "", self.tag("if loop.index > 2") + self.tag("break") + self.tag("endif"),
                                   self.tag("if loop.first") + self.tag("continue") + self.tag("endif")])
        text = self.tag("for " + kind) + before + body() + self.draw.choice(["", "{{ loop.index }},", "{{ %s }};" % names[0]])
        del self.names[-(len(names) + 10):]
        return text + self.draw.choice(["", self.tag("else") + "empty"]) + self.tag("endfor")

    def assignment(self):
        return self.pick(
            lambda: self.tag("set x = " + self.any(3)) + "{{ x }}",
            lambda: self.tag("set a, b = [%s, %s]" % (self.any(1), self.any(1))) + "{{ b }}{{ a }}",
            lambda: self.tag("set x = %s" % self.any(2)) + self.output(1) + "{{ x is defined }}{{ x|tojson if x is mapping else x }}",
        )

    def macro(self, body):
        signature = self.pick("a", "a, b='%s'" % self.draw.choice(TEXTS), "a, b=n, c=none", "")
        call = {"a": "'v'", "": ""}.get(signature, self.pick("1", "1, 2", "b=3, a='q'", "words"))
        text = self.tag("macro f(%s)" % signature) + "<" + ("{{ a }}|{{ b }}" if "b" in signature else "") + body()
        if self.draw.random() < 0.3:
            return text + "{{ caller() if caller else 'nobody' }}>" + self.tag("endmacro") + self.tag("call f(%s)" % call) + "inside" + self.tag("endcall")
        return text + ">" + self.tag("endmacro") + "{{ f(%s) }}" % call + self.draw.choice(["", "{{ f(%s)|upper }}" % call])

    def body(self, depth):
        return "".join(self.statement(depth) for _ in range(self.draw.randrange(1, 4)))

    def output(self, depth):
        left, right = self.draw.choice(["{{", "{{-", "{{ "]), self.draw.choice(["}}", "-}}", " }}"])
        return "%s %s %s" % (left, self.any(depth), right)

    def words(self):
        return self.draw.choice([" ", "\n", "text", "\n  ", "a b\n", "  \n", "<|im_start|>", "\t", "é\n\n", "{ }", "%", "user\n"])

    def tag(self, words):
        return "%s %s %s" % (self.draw.choice(["{%", "{%", "{%-", "{%+"]), words, self.draw.choice(["%}", "%}", "-%}", "-%}\n", "%}\n"]))

    def template(self):
        self.names = []
        return self.body(self.draw.choice([1, 2, 2, 3]))


def outcome(env, template, data):
    try:
        return {"expected": env.from_string(template).render(**json.loads(json.dumps(data)))}
    except jinja2.exceptions.TemplateSyntaxError:
        return None
    except jinja2.exceptions.TemplateError as error:
        return {"error": "%s: %s" % (type(error).__name__, error)}
    except Exception as error:
        return {"error": "%s: %s" % (type(error).__name__, error)}


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 3000
    data = json.loads((RESOURCES / "jinja-cases.json").read_text())["data"]
    env = environment()
    writer = Writer(random.Random(SEED))
    cases, seen, errors = [], set(), 0
    while len(cases) < count:
        template = writer.template()
        name = writer.draw.choice(sorted(data))
        if len(template) > 500 or (template, name) in seen:
            continue
        seen.add((template, name))
        result = outcome(env, template, data[name])
        if result is None or len(result.get("expected", "")) > 1500:
            continue
        # Addresses of objects differ from run to run.
        if " object at 0x" in result.get("expected", "") or "<generator" in result.get("expected", ""):
            continue
        if "error" in result:
            if errors * 5 > len(cases):
                continue
            errors += 1
        cases.append({"template": template, "data": name, **result})
    oracle = "Python %d.%d, Jinja2 %s, seed %d" % (*sys.version_info[:2], jinja2.__version__, SEED)
    text = json.dumps({"oracle": oracle, "data": data, "cases": cases}, ensure_ascii=False)
    sys.stdout.buffer.write(gzip.compress(text.encode(), 9, mtime=0))


if __name__ == "__main__":
    main()
