# What the examples share: where the program, the data and the results are. Sourced, not run.
#
#   data   the folder data/policy of the repository
#   out    the folder for results: the first argument, or a temporary one, which is kept so that you can look at it
#   say    prints a heading; run: prints a command and runs it

examples=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
data=$(cd -- "$examples/../../data/policy" && pwd)
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
    if [[ $word =~ [^A-Za-z0-9_./:,=@%+-] ]]; then word="\"$word\""; fi
    line+=" $word"
  done
  echo "$line"
  "$@"
}

# Every other pair of rows: half of a file to learn from, the other half to test on. Rows 0 and 1 of each four are for training.
halves() {  # FILE TRAIN TEST
  awk -v train="$2" -v test="$3" 'NR == 1 { print > train; print > test; next } { print > ((NR - 2) % 4 < 2 ? train : test) }' "$1"
}
