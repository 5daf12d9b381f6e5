#include "gimbal/diversity/prompt_template.h"

#include <array>
#include <vector>

#include "gimbal/base/file.h"
#include "gimbal/base/text.h"

namespace gimbal::diversity {
namespace {

struct Shot {
  std::string_view task, thought, code;
};

constexpr std::array<Shot, 2> kFunctionShots = {{
    {"words: a list of 1 to 20 English words in lower case",
     "The function counts how many of the words begin with each letter and prints the counts in the order of the alphabet.",
     R"(def f(words):
    counts = {}
    for word in words:
        counts[word[0]] = counts.get(word[0], 0) + 1
    for letter in sorted(counts):
        print(letter, counts[letter])
)"},
    {"start: an integer from 0 to 1000; steps: an integer from 1 to 12",
     "The function walks down from the start, halving the number at every step, and prints the path.",
     R"(def f(start, steps):
    path = [start]
    for _ in range(steps):
        path.append(path[-1] // 2)
    print(" -> ".join(str(n) for n in path))
)"},
}};

constexpr std::array<Shot, 2> kScriptShots = {{
    {"A line holds integers, separated by blanks. Print the largest difference between two of them.",
     "The program reads the numbers and prints the greatest minus the least.",
     R"(numbers = [int(word) for word in input().split()]
print(max(numbers) - min(numbers))
)"},
    {"The first line holds n. Each of the n lines behind it holds a name and a score. Print the names by falling score, those "
     "with equal "
     "scores by name.",
     "The program collects the pairs, sorts them by falling score and then by name, and prints the names.",
     R"(rows = []
for _ in range(int(input())):
    name, score = input().split()
    rows.append((-int(score), name))
for _, name in sorted(rows):
    print(name)
)"},
}};

constexpr std::array<Shot, 2> kFileShots = {{
    {"The file's line holds integers, separated by blanks. Print the largest difference between two of them.",
     "The program reads the numbers from the file and prints the greatest minus the least.",
     R"(import sys

with open(sys.argv[1]) as file:
    numbers = [int(word) for word in file.read().split()]
print(max(numbers) - min(numbers))
)"},
    {"The file holds one word a line. Print how many different words there are, in whatever case they stand.",
     "The program puts the words in lower case into a set and prints its size.",
     R"(import sys

with open(sys.argv[1]) as file:
    print(len({line.strip().lower() for line in file if line.strip()}))
)"},
}};

constexpr std::array<Shot, 2> kDefinitionShots = {{
    {"Write a function count_vowels that returns how many vowels a text has.\n\nA test:\nassert count_vowels(\"sea air\") == 4",
     "The function goes through the letters and counts those that are vowels.",
     R"(def count_vowels(text):
    return sum(letter in "aeiouAEIOU" for letter in text)
)"},
    {"Write a function rotate that moves the first n items of a list to its end.\n\nA test:\nassert rotate([1, 2, 3, 4], 1) == "
     "[2, 3, 4, 1]",
     "The function joins the part behind the first n items with those items, for any n.",
     R"(def rotate(items, n):
    if not items:
        return []
    n %= len(items)
    return items[n:] + items[:n]
)"},
}};

const std::array<Shot, 2>& shots_of(Entry entry) {
  switch (entry) {
    case Entry::kFunction:
      return kFunctionShots;
    case Entry::kStdin:
      return kScriptShots;
    case Entry::kArgs:
      return kFileShots;
    case Entry::kAsserts:
      break;
  }
  return kDefinitionShots;
}

std::string instruction(const Task& task, std::string_view function) {
  switch (task.entry) {
    case Entry::kFunction:
      return fmt::format(
          "Write a Python function `{}` that takes the input described below, does something useful with it, prints its result "
          "and "
          "returns nothing.",
          function);
    case Entry::kStdin:
      return "Write a Python program that solves the problem below. It reads its input from standard input and prints the "
             "answer to "
             "standard output.";
    case Entry::kArgs:
      return "Write a Python program that solves the problem below. The path of its input file is its first argument; it "
             "prints the "
             "answer to standard output.";
    case Entry::kAsserts:
      break;
  }
  if (task.completes_prompt) return "Complete the Python code below. Give all of it, what is there already included.";
  return "Write Python code that does what is asked below.";
}

// The assertion that shows how the definition is called; empty for other tasks.
std::string first_test(const Task& task) {
  if (task.entry != Entry::kAsserts || task.completes_prompt) return {};
  for (const TaskTest& test : task.tests) {
    if (test.assertion) return std::string(trim(test.input));
  }
  return {};
}

std::string body_of(const Task& task) {
  const std::string prompt(trim(task.prompt));
  if (task.completes_prompt) return "```python\n" + prompt + "\n```";
  const std::string test = first_test(task);
  return test.empty() ? prompt : prompt + "\n\nA test:\n" + test;
}

std::string answer_of(const Shot& shot, bool thought) {
  return (thought ? std::string(shot.thought) + "\n\n" : std::string()) + "```python\n" + std::string(shot.code) + "```";
}

void replace_all(std::string& text, std::string_view word, std::string_view with) {
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + with.size()))
    text.replace(at, word.size(), with);
}

// A word in braces that is meant as one of ours: {promt}.
Result<void> check_words(const std::string& path, std::string_view text) {
  const std::vector<std::string> known = {"prompt", "function", "test"};
  if (text.find("{prompt}") == std::string_view::npos)
    return fail_at(path, ErrorCode::kInvalidArgument, "expected a template with {{prompt}} where the task's text goes");
  for (std::size_t at = text.find('{'); at != std::string_view::npos; at = text.find('{', at + 1)) {
    const std::size_t end = text.find('}', at);
    if (end == std::string_view::npos) break;
    const std::string word(text.substr(at + 1, end - at - 1));
    if (std::find(known.begin(), known.end(), word) != known.end() || nearest(word, known, 1).empty()) continue;
    return fail_at(path, ErrorCode::kInvalidArgument, "a template knows {{prompt}}, {{function}} and {{test}}, found {{{}}}{}",
                   word, did_you_mean(word, known));
  }
  return {};
}

}  // namespace

Result<PromptTemplate> PromptTemplate::load(const std::string& name_or_path) {
  PromptTemplate made;
  made.name_ = name_or_path;
  if (name_or_path == "zero-shot") return made;
  if (name_or_path == "two-shot" || name_or_path == "two-shot-cot") {
    made.shots_ = 2;
    made.thought_ = name_or_path == "two-shot-cot";
    return made;
  }
  auto text = read_file(name_or_path, std::uint64_t{1} << 20);
  if (!text && text.error().code == ErrorCode::kNotFound)
    return fail_at("--template", ErrorCode::kNotFound,
                   "expected zero-shot, two-shot, two-shot-cot or a file; there is no file {}", gimbal::quoted(name_or_path));
  if (!text) return fail(std::move(text).error());
  GIMBAL_TRY(check_words(name_or_path, *text));
  made.file_ = std::move(*text);
  return made;
}

Result<lm::Prompt> PromptTemplate::render(const Task& task, PromptForm form) const {
  if (trim(task.prompt).empty())
    return fail(ErrorCode::kInvalidArgument, "task {} has no \"prompt\", and a model needs to be told what to write",
                gimbal::quoted(task.id));
  if (!file_.empty()) {
    std::string text = file_;
    // In this order, so that braces inside the task's text are left alone.
    replace_all(text, "{function}", task.function);
    replace_all(text, "{test}", first_test(task));
    replace_all(text, "{prompt}", task.prompt);
    if (form == PromptForm::kText) return lm::Prompt(std::move(text));
    return lm::Prompt(std::vector<lm::Message>{{"user", std::move(text)}});
  }
  const std::string_view ending =
      thought_ ? "First say in one sentence what it will do; then give one block of Python code, and nothing else."
               : "Answer with one block of Python code and nothing else.";
  const auto ask = [&](std::string_view instructions, std::string_view body) {
    return fmt::format("{}\n\n{}\n\n{}", instructions, body, ending);
  };
  if (form == PromptForm::kChat) {
    std::vector<lm::Message> messages;
    for (int i = 0; i < shots_; ++i) {
      const Shot& shot = shots_of(task.entry)[static_cast<std::size_t>(i)];
      Task example;
      example.entry = task.entry;
      messages.push_back({"user", ask(instruction(example, "f"), shot.task)});
      messages.push_back({"assistant", answer_of(shot, thought_)});
    }
    messages.push_back({"user", ask(instruction(task, task.function), body_of(task))});
    return lm::Prompt(std::move(messages));
  }
  // A task whose prompt is the beginning of the program needs no words around it.
  if (task.completes_prompt && shots_ == 0) return lm::Prompt(task.prompt);
  std::string text = instruction(task, task.function) + "\n\n";
  for (int i = 0; i < shots_; ++i) {
    const Shot& shot = shots_of(task.entry)[static_cast<std::size_t>(i)];
    text += fmt::format("Task: {}\n\n{}\n\n", shot.task, answer_of(shot, thought_));
  }
  text += fmt::format("Task: {}\n\n", body_of(task));
  if (!thought_) text += "```python\n";
  return lm::Prompt(std::move(text));
}

std::vector<std::string> PromptTemplate::stops(PromptForm form) const {
  if (form != PromptForm::kText || !file_.empty()) return {};
  // With a thought the first fence opens the program, and the next task is what must not follow.
  if (thought_) return {"\nTask:"};
  return {"\n```"};
}

}  // namespace gimbal::diversity
