# The rules of check_includes.sh. Input: operator/CMakeLists.txt first, then every source; -v dir=PREFIX is cut off the names.
function complain(text) {
  printf "%s:%d: %s\n", FILENAME, FNR, text > "/dev/stderr"
  ++complaints
}

# May `from` see `to`? Links are public, so through other rooms as well. CMake refuses cycles.
function reaches(from, to,    i, n, next_room) {
  if (from == to) return 1
  if ((from, to) in known) return known[from, to]
  n = split(links[from], next_room, " ")
  for (i = 1; i <= n; ++i)
    if (reaches(next_room[i], to)) return known[from, to] = 1
  return known[from, to] = 0
}

function declare(text,    words, n, i, name) {
  sub(/^[^(]*\(/, "", text)
  sub(/\).*/, "", text)
  n = split(text, words, " ")
  name = words[1]
  rooms[name] = 1
  pure[name] = words[2] == "pure"
  for (i = 3; i <= n; ++i)
    if (words[i] ~ /^gitsync_/) links[name] = links[name] " " substr(words[i], 9)
  if (!pure[name] && name in decides) complain("room " name " decides and must stay pure")
}

function room_of(file) {
  if (index(file, dir) == 1) file = substr(file, length(dir) + 1)
  return file ~ /\// ? substr(file, 1, index(file, "/") - 1) : ""
}

BEGIN {
  split("base object api plan health", list, " ")
  for (i in list) decides[list[i]] = 1
  # First path component (or file) of a library's headers → the one room that may use it.
  owner["git2"] = owner["git2.h"] = "git_worker"
  owner["curl"] = "http git_worker"
  owner["prometheus"] = "report"
  owner["date"] = "reconcile"
  owner["yaml-cpp"] = "object"
  owner["yaml.h"] = "object"
}

FNR == 1 {
  cmake = FILENAME ~ /CMakeLists\.txt$/
  room = room_of(FILENAME)
  if (!cmake && room != "" && !(room in rooms)) complain("folder " room " is no room of operator/CMakeLists.txt; add a gitsync_room line")
}

cmake {
  sub(/#.*/, "")
  if ($0 ~ /^gitsync_room\(/) statement = ""
  else if (statement == "") next
  statement = statement " " $0
  if (statement ~ /\)/) {
    declare(statement)
    statement = ""
  }
  next
}

FNR == 601 { printf "%s:601: warning: longer than 600 lines; does it still hold one noun?\n", FILENAME > "/dev/stderr" }

/^[ \t]*#[ \t]*include[ \t]*[<"]/ {
  match($0, /[<"][^>"]+[>"]/)
  quoted = substr($0, RSTART, 1) == "\""
  header = substr($0, RSTART + 1, RLENGTH - 2)
  top = header ~ /\// ? substr(header, 1, index(header, "/") - 1) : header
  if (header ~ /\.\.\//) complain("a relative include hides the layering; write \"room/file.h\"")
  else if (top in owner && index(" " owner[top] " ", " " room " ") == 0) {
    only = owner[top] "/"
    gsub(" ", "/ and ", only)
    complain("<" header ">: only " only " uses this library; go through its headers")
  }
  else if (top in rooms) {
    if (room != "" && !reaches(room, top)) complain("\"" header "\": room " room " is not linked to room " top)
  } else if (quoted && header ~ /\//) complain("\"" header "\": there is no room " top " in operator/CMakeLists.txt")
  else if (pure[room] && header ~ /^boost\/asio/) complain("<" header ">: room " room " is pure; Asio belongs to the rooms that act")
  else if (room in decides && room != "base" && header ~ /^(fstream|filesystem|thread|mutex|future|unistd\.h|fcntl\.h|poll\.h|sys\/.*|netinet\/.*|openssl\/.*)$/)
    complain("<" header ">: room " room " is pure: no I/O, no threads")
}

END { exit complaints > 0 }
