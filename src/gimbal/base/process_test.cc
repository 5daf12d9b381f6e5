#include "gimbal/base/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

namespace gimbal {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Everything until the other end is closed.
std::string read_all(int descriptor) {
  std::string out;
  char buffer[4096];
  while (true) {
    pollfd watched{descriptor, POLLIN, 0};
    if (poll(&watched, 1, 20'000) <= 0) return out + "[timeout]";
    const ssize_t got = read(descriptor, buffer, sizeof buffer);
    if (got <= 0) return out;
    out.append(buffer, static_cast<std::size_t>(got));
  }
}

TEST(Process, PassesInputAndOutputThroughPipes) {
  auto process = Process::start({.argv = {"cat"}});
  ASSERT_TRUE(process) << process.error().text();
  EXPECT_EQ(write_some(process->input(), "two\nlines\n"), 10u);
  process->close_input();
  EXPECT_EQ(read_all(process->output()), "two\nlines\n");
  const auto end = process->wait_end(20);
  ASSERT_TRUE(end);
  EXPECT_TRUE(end->ok());
}

TEST(Process, SaysHowTheProgramEnded) {
  auto status = Process::start({.argv = {"sh", "-c", "exit 3"}});
  ASSERT_TRUE(status);
  EXPECT_EQ(status->wait_end(20)->text(), "exit status 3");
  auto signalled = Process::start({.argv = {"sh", "-c", "kill -9 $$"}});
  ASSERT_TRUE(signalled);
  EXPECT_EQ(signalled->wait_end(20)->text(), "signal 9 (Killed)");
}

TEST(Process, KeepsStandardErrorApartWhenAsked) {
  auto process = Process::start({.argv = {"sh", "-c", "echo out; echo err >&2"}, .pipe_error = true});
  ASSERT_TRUE(process);
  EXPECT_EQ(read_all(process->output()), "out\n");
  EXPECT_EQ(read_all(process->error()), "err\n");
}

TEST(Process, AddsToTheEnvironmentAndPassesNoOtherDescriptor) {
  const int open_descriptor = dup(0);
  auto process = Process::start({.argv = {"sh", "-c", "echo $GIMBAL_PROCESS_TEST; ls /proc/self/fd | wc -l"},
                                 .environment = {{"GIMBAL_PROCESS_TEST", "seen"}}});
  ASSERT_TRUE(process);
  // 0, 1, 2 and the folder that ls reads.
  EXPECT_EQ(read_all(process->output()), "seen\n4\n");
  close(open_descriptor);
}

TEST(Process, NamesAProgramThatIsNotThere) {
  const auto missing = Process::start({.argv = {"no-such-program-here"}});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(missing.error().message, "\"no-such-program-here\" could not be started: there is no program of this name in PATH");
  const auto folder = Process::start({.argv = {"/"}});
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().code, ErrorCode::kPermission);
}

TEST(Process, EndsAProgramThatIgnoresTheFirstSignal) {
  auto process = Process::start({.argv = {"sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done"}});
  ASSERT_TRUE(process);
  char ready[6];
  pollfd watched{process->output(), POLLIN, 0};
  ASSERT_GT(poll(&watched, 1, 20'000), 0);
  ASSERT_EQ(read(process->output(), ready, sizeof ready), 6);
  EXPECT_EQ(process->stop(0.05).text(), "signal 9 (Killed)");
}

TEST(Process, EndsTheWholeGroup) {
  auto process = Process::start({.argv = {"sh", "-c", "sleep 1000 & echo $!; wait"}});
  ASSERT_TRUE(process);
  char line[32];
  pollfd watched{process->output(), POLLIN, 0};
  ASSERT_GT(poll(&watched, 1, 20'000), 0);
  const ssize_t got = read(process->output(), line, sizeof line);
  ASSERT_GT(got, 0);
  const pid_t grandchild = static_cast<pid_t>(std::stol(std::string(line, static_cast<std::size_t>(got))));
  process->stop();
  // The pipe ends when its last holder, the grandchild, is gone.
  EXPECT_EQ(read_all(process->output()), "");
  EXPECT_GT(grandchild, 0);
}

TEST(Process, WritingToAProgramThatHasEndedIsNoSignal) {
  auto process = Process::start({.argv = {"true"}});
  ASSERT_TRUE(process);
  ASSERT_TRUE(process->wait_end(20));
  EXPECT_EQ(write_some(process->input(), "x"), std::nullopt);
}

TEST(SplitCommand, SplitsAsAShellDoes) {
  EXPECT_THAT(*split_command("python3 'my model.py' --name \"a \\\"b\\\"\" c\\ d ''"),
              ElementsAre("python3", "my model.py", "--name", "a \"b\"", "c d", ""));
  EXPECT_THAT(*split_command("sh -c 'a | b $X'"), ElementsAre("sh", "-c", "a | b $X"));
}

TEST(SplitCommand, RefusesWhatOnlyAShellKnows) {
  EXPECT_EQ(split_command("a | b").error().message,
            "the command runs without a shell: \"|\" has no meaning; quote it, or use sh -c '...'");
  EXPECT_THAT(split_command("echo \"$HOME\"").error().message, HasSubstr("inside double quotes"));
  EXPECT_EQ(split_command("a 'b").error().message, "the command has an open quote: \"'b\"");
  EXPECT_EQ(split_command("a \\").error().message, "the command ends in a backslash: \"a \\\\\"");
  EXPECT_EQ(split_command("  ").error().message, "expected a program and its arguments, found nothing");
}

}  // namespace
}  // namespace gimbal
