# What the examples share. Sourced, not run.
#
#   out    the folder for results: the first argument, or a temporary one, which is kept so that you can look at it
#   say    prints a heading; run: prints a command, runs it, and says how it ended when that was not with 0

examples=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
out=${1:-$(mktemp -d "${TMPDIR:-/tmp}/gimbal-example-XXXXXX")}
mkdir -p "$out"
out=$(cd -- "$out" && pwd)

if ! command -v gimbal > /dev/null; then
  if [[ ! -x "$examples/../../build/gimbal" ]]; then
    echo "gimbal is neither in PATH nor in build/: run 'make' first" >&2
    exit 4
  fi
  PATH="$(cd -- "$examples/../../build" && pwd):$PATH"
fi

say() { printf '\n== %s\n\n' "$*"; }

run() {
  local word line='$'
  for word in "$@"; do
    if [[ $word =~ [^A-Za-z0-9_./:,=@%+-] ]]; then word="'$word'"; fi
    line+=" $word"
  done
  echo "$line"
  "$@" || echo "(exit code $?)"
}
