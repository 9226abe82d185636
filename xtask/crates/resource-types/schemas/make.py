"""Makes schemas.bin: AWS's registry schemas of all resource types, pruned to what `check` reads, one compressed part a service.

    python3 -m venv /tmp/cfn-lint && /tmp/cfn-lint/bin/pip install cfn-lint==1.58.0
    /tmp/cfn-lint/bin/python xtask/crates/resource-types/schemas/make.py            writes schemas.bin
    /tmp/cfn-lint/bin/python xtask/crates/resource-types/schemas/make.py --compare  says whether it still is what it would write

The schemas are AWS's own (https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html), as the PyPI
package cfn-lint (MIT-0) carries them, with its corrections and its lists of what GetAtt may ask for and of what holds data. The first line of the result names the package's version and the
schemas' date. Then a line a service (name, offset, compressed length, length), an empty line, and the parts; a part has a line a type.
"""

import importlib.metadata
import importlib.util
import json
import pathlib
import re
import sys
import zlib

import cfnlint.schema

TARGET = pathlib.Path(__file__).with_name("schemas.bin")

# What says something to people or to other tools, and nothing about a value.
DROPPED = {
    "$comment", "$schema", "additionalIdentifiers", "arrayType", "default", "deprecatedProperties", "description", "documentationUrl",
    "examples", "handlers", "insertionOrder", "lifecycle", "propertyTransform", "relationshipRef",
    "replacementStrategy", "resourceLink", "sourceUrl", "taggable", "tagging", "title", "typeConfiguration", "typeName",
    "uniqueKeys", "maxUniqueItems", "writeOnlyProperties", "multipleOf", "prefixItems",
}
# Maps from a name to a schema.
NAMED = {"definitions", "patternProperties", "properties"}

# Unicode classes as regex-lite can say them: what is beyond ASCII is let through.
BEYOND = r"\x{80}-\x{10FFFF}"
CLASSES = {
    "L": "a-zA-Z" + BEYOND, "N": "0-9" + BEYOND, "Z": " " + BEYOND, "Zs": " " + BEYOND, "M": BEYOND,
    "P": r"!-#%-*,-/:;?@\[-\]_{}" + BEYOND, "S": r"$+<->^`|~" + BEYOND,
}


def pattern(text):
    """The pattern as Rust's regex-lite reads it and for the whole value, or None where that cannot be said."""
    text = text.strip('"')
    text = re.sub(r"\(\?!\[\\s\\S\]\)$", "$", text)
    text = text.replace(r"\Z", "$").replace(r"\z", "$").replace(r"\A", "^")
    if re.search(r"\(\?[=!<]|\\[PGX]|\\u[dD][89a-fA-F]", text) or not text:
        return None
    if re.search(r"[\ud800-\udfff]|\[\^[^\]]*\\p", text):
        return None
    text = re.sub(r"\\u([0-9a-fA-F]{4})", r"\\x{\1}", text)
    unknown = [name for name in re.findall(r"\\p\{?(\w+)\}?", text) if name not in CLASSES]
    if unknown:
        return None
    text = unicode_classes(text)
    text = escapes(text)
    # The services take a pattern for the whole value. One that is written with an anchor at one end means what it says.
    if not text.startswith("^") and not text.endswith("$") and re.search(r"[*+}?)\]]$|^[A-Za-z_|]+$", text):
        text = f"^(?:{text})$"
    return text


def unicode_classes(text):
    """Replaces \\p{L} by what it contains, within brackets or in brackets of its own."""
    result, within, at = [], False, 0
    while at < len(text):
        found = re.match(r"\\p\{?(\w+)\}?", text[at:])
        if found:
            inner = CLASSES[found.group(1)]
            result.append(inner if within else f"[{inner}]")
            at += found.end()
            continue
        if text[at] == "\\":
            result.append(text[at:at + 2])
            at += 2
            continue
        within = text[at] == "[" or (within and text[at] != "]")
        result.append(text[at])
        at += 1
    return "".join(result)


def escapes(text):
    """Escapes of plain characters go, and brackets and braces that stand for themselves get one."""
    result, within, start, at = [], False, 0, 0
    while at < len(text):
        letter = text[at]
        if letter == "\\":
            following = text[at + 1:at + 2]
            result.append(following if following in "/_'\"@=,:;!%<> " else letter + following)
            at += 2
            continue
        if within and letter == "[" and not text[at:].startswith("[:"):
            result.append("\\[")
        elif within and letter == "&" or within and letter == "~":
            result.append("\\" + letter)
        elif within and letter == "-" and (result[-1] in ("\\w", "\\d", "\\s", "\\S", "\\W") or re.match(r"-\\[wds]", text[at:])):
            result.append("\\-")
        elif not within and letter == "{" and not re.match(r"\{\d+(,\d*)?\}", text[at:]) and not "".join(result).endswith("\\x"):
            result.append("\\{")
        else:
            result.append(letter)
        if not within and letter == "[":
            within, start = True, at
            if text[at + 1:at + 2] == "^":
                result.append("^")
                at, start = at + 1, at + 1
        elif within and letter == "]" and at > start + 1:
            within = False
        at += 1
    return "".join(result)


def pruned(schema):
    """A schema without words for people. An object is closed when it names its properties, unless it says otherwise."""
    if isinstance(schema, list):
        return [pruned(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    result = {}
    for key, value in schema.items():
        if key in DROPPED or (key == "additionalProperties" and not isinstance(value, dict)):
            continue
        if key == "pattern":
            value = pattern(value) if isinstance(value, str) else None
            if value is None:
                continue
        elif key == "dependencies":
            key, value = "dependentRequired", {name: names for name, names in value.items() if isinstance(names, list)}
        elif key == "patternProperties":
            # A name that cannot be said by a pattern here may be any.
            value = {pattern(name) or "": pruned(one) for name, one in value.items()}
        elif key in NAMED:
            value = {name: pruned(one) for name, one in value.items()}
        elif (key.endswith("Properties") or key == "primaryIdentifier") and isinstance(value, list):
            value = sorted(path.removeprefix("/properties/").replace("/properties/", "/") for path in value)
        elif isinstance(value, dict) and key != "additionalProperties" and key not in ("dependentRequired", "dependentExcluded"):
            value = pruned(value)
        elif key in ("oneOf", "anyOf", "allOf"):
            value = [pruned(one) for one in value]
        elif key == "items" or key == "additionalProperties":
            value = pruned(value)
        result[key] = value
    if "properties" in schema and schema.get("additionalProperties", True) is True:
        result["additionalProperties"] = {}
    return result


def parts():
    """Name of a service -> its types, a line each."""
    found = importlib.util.find_spec("cfnlint").submodule_search_locations[0]
    folder = pathlib.Path(found) / "data" / "schemas"
    stateful = json.loads((folder.parent / "AdditionalSpecs" / "StatefulResources.json").read_text())["ResourceTypes"]
    services = {}
    for path in folder.glob("resources/*.json"):
        schema = json.loads(path.read_text())
        name = schema["typeName"]
        service = name.rsplit("::", 1)[0]
        kept = pruned(schema)
        own = [key for key in kept if key in ("definitions", "primaryIdentifier") or key.endswith("Properties") and isinstance(kept[key], list)]
        about = {key: kept.pop(key) for key in own}
        about["attributes"] = [name.replace("\\..*", ".*") for name in cfnlint.schema.Schema(schema).get_atts]
        kept = {"root": kept, **about}
        if name in stateful:
            kept["isStateful"] = True
            kept["isEmptied"] = stateful[name].get("DeleteRequiresEmptyResource", False)
        services.setdefault(service, {})[name] = json.dumps(kept, separators=(",", ":"), sort_keys=True)
    date = json.loads((folder / "version.json").read_text())["schema_date"][:10]
    version = importlib.metadata.version("cfn-lint")
    lines = {
        service: "".join(f"{name}\t{text}\n" for name, text in sorted(types.items())).encode()
        for service, types in sorted(services.items())
    }
    return f"cfn-lint {version}, schemas of {date}", lines


def read(data):
    """The same, read back."""
    head, body = data.split(b"\n\n", 1)
    first, *rows = head.decode().splitlines()
    result = {}
    for row in rows:
        service, offset, length, _ = row.split()
        start = int(offset)
        result[service] = zlib.decompress(body[start:start + int(length)], wbits=-15)
    return first, result


def main():
    first, lines = parts()
    if "--compare" in sys.argv:
        same = read(TARGET.read_bytes()) == (first, lines)
        sys.exit(0 if same else f"{TARGET} is not what this script makes of {first}: run it without --compare")
    rows, body = [first], b""
    for service, text in lines.items():
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = packer.compress(text) + packer.flush()
        rows.append(f"{service} {len(body)} {len(packed)} {len(text)}")
        body += packed
    TARGET.write_bytes("\n".join(rows).encode() + b"\n\n" + body)


main()
