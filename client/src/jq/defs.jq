# What jq defines otherwise than jaq, and what jaq leaves to its command line.

def join($separator):
  reduce .[] as $item (null;
    (if . == null then "" else . + $separator end)
    + ($item | if . == null then "" elif isboolean or isnumber then tostring else . end)
  ) // "";

def walk(f):
  def w: if isobject then map_values(w) elif isarray then map(w) else . end | f;
  w;

def from_entries:
  reduce .[] as $entry ({};
    . + {
      ($entry
        | if .key == null then .k // .name // .Name // .K // .Key else .key end
        | if isstring then . else tojson end):
      ($entry | if has("value") then .value elif has("v") then .v else .Value end)
    });
def with_entries(f): to_entries | map(f) | from_entries;

# What is not there is made, and the order of keys stays.
def setpath($path; $value):
  if $path | length == 0 then $value
  else
    $path[0] as $key
    | if . == null then if $key | isnumber then [] else {} end else . end
    | if isarray and ($key | isnumber) and $key >= length then . + [range($key + 1 - length) | null] else . end
    | .[$key] = (.[$key] | setpath($path[1:]; $value))
  end;
def delpath($path):
  $path[0] as $key
  | if . == null then .
    elif $path | length == 0 then null
    elif $path | length > 1 then if .[$key] == null then . else .[$key] |= delpath($path[1:]) end
    elif isobject then reduce (to_entries[] | select(.key != $key)) as $entry ({}; .[$entry.key] = $entry.value)
    else .[$key] |= empty end;
def delpaths($paths): reduce ($paths | unique | reverse[]) as $path (.; delpath($path));
def del(f): delpaths([path(f)]);

def toarray: if isarray then . else [.] end;
def ascii: [.] | implode;
def leaf_paths: paths(scalars);
def trimstr($text): ltrimstr($text) | rtrimstr($text);

def tostream:
  path(def r: (.[]? | r), .; r) as $path
  | getpath($path)
  | reduce path(.[]?) as $inner ([$path, .]; [$path + $inner]);
def fromstream(f):
  { value: null, done: false } as $start
  | foreach f as $event ($start;
      if .done then $start else . end
      | if $event | length == 2
        then setpath(["done"]; $event[0] | length == 0) | setpath(["value"] + $event[0]; $event[1])
        else setpath(["done"]; $event[0] | length == 1) end;
      if .done then .value else empty end);
def truncate_stream(stream):
  . as $depth | null | stream | if (.[0] | length) > $depth then setpath([0]; .[0][$depth:]) else empty end;

def @csv:
  [ .[]
    | if . == null then ""
      elif isboolean or isnumber then tostring
      elif isstring then "\"" + (. / "\"" | join("\"\"")) + "\""
      else error("\(type) (\(tojson)) is not valid in a csv row") end
  ] | join(",");
def @tsv:
  [ .[]
    | if . == null then ""
      elif isboolean or isnumber then tostring
      elif isstring then
        (. / "\\" | join("\\\\")) | (. / "\t" | join("\\t")) | (. / "\n" | join("\\n")) | (. / "\r" | join("\\r"))
      else error("\(type) (\(tojson)) is not valid in a tsv row") end
  ] | join("\t");
