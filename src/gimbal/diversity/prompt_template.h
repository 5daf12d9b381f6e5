// From a task to what a model is asked: the templates of `sample`.
//
//   zero-shot      the task and the form of the answer
//   two-shot       two worked examples before it
//   two-shot-cot   the same, where every answer begins with a sentence that says what the program will do
//   PATH           a file of the user's with {prompt}, and where wanted {function} and {test}
//
// The words around the task follow from how its programs are run (Entry): a function, a script with its input on standard input
// or in a file, or a definition that assertions check.
#pragma once

#include <string>
#include <string_view>

#include "gimbal/base/result.h"
#include "gimbal/diversity/tasks.h"
#include "gimbal/lm/language_model.h"

namespace gimbal::diversity {

enum class PromptForm {
  kChat,  // messages: for models that follow instructions
  kText,  // a document that breaks off where the program begins: for models that continue texts
};

class PromptTemplate {
 public:
  // A name from above, or the path of a file. Errors: of reading it; invalid_argument when it lacks {prompt} or has another
  // word in braces of that kind ({promt}).
  static Result<PromptTemplate> load(const std::string& name_or_path);

  const std::string& name() const { return name_; }
  // Errors: invalid_argument for a task without a prompt.
  Result<lm::Prompt> render(const Task& task, PromptForm form) const;
  // What ends an answer beside the model's own end: in text form the fence behind the program.
  std::vector<std::string> stops(PromptForm form) const;

 private:
  PromptTemplate() = default;
  std::string name_;
  std::string file_ = {};  // the text of the user's; empty: one of ours
  int shots_ = 0;
  bool thought_ = false;
};

}  // namespace gimbal::diversity
