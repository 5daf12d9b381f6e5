#include "gimbal/data/csv.h"

#include <sys/stat.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <thread>

#include "gimbal/base/check.h"
#include "gimbal/base/file.h"
#include "gimbal/base/number.h"
#include "gimbal/base/parallel.h"
#include "gimbal/base/random.h"
#include "gimbal/data/number_scan.h"
#include "support/test_data.h"

namespace gimbal::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsNan;

DataTable parsed(std::string_view text, const CsvOptions& options = {}) {
  auto table = parse_table(text, "data.csv", options);
  EXPECT_TRUE(table) << table.error().text();
  return table ? std::move(*table) : DataTable();
}

std::string error_of(std::string_view text, const CsvOptions& options = {}) {
  auto table = parse_table(text, "data.csv", options);
  return table ? "no error" : table.error().text();
}

std::vector<std::string> cells(const DataTable& table, std::string_view name) {
  std::vector<std::string> out;
  const Column* column = table.find(name);
  for (std::size_t row = 0; row < table.rows(); ++row) out.push_back(column->text(row));
  return out;
}

// Everything about a table in one text, for comparisons.
std::string dump(const DataTable& table) {
  std::string out;
  for (const Column& column : table.columns()) {
    out += fmt::format("{}#{} {}:", column.name, column.field, column.is_numeric() ? "numeric" : "text");
    for (std::size_t row = 0; row < table.rows(); ++row) out += fmt::format(" [{}]", column.text(row));
    for (const std::string& level : column.levels) out += fmt::format(" <{}>", level);
    out += "\n";
  }
  for (std::size_t row = 0; row < table.rows(); ++row) out += fmt::format("{} ", table.line_of(row));
  return out;
}

TEST(Csv, ReadsNumbersAndTextByColumn) {
  const DataTable table = parsed("recency,history,zip_code,visit\n10,142.44,Surburban,0\n6,329.08,Rural,1\n7,,Surburban,0\n");
  EXPECT_EQ(table.rows(), 3u);
  EXPECT_THAT(table.names(), ElementsAre("recency", "history", "zip_code", "visit"));
  EXPECT_THAT(table.find("recency")->numbers, ElementsAre(10, 6, 7));
  EXPECT_THAT(table.find("history")->numbers, ElementsAre(142.44, 329.08, IsNan()));
  EXPECT_EQ(table.find("zip_code")->kind, ColumnKind::kText);
  EXPECT_THAT(table.find("zip_code")->codes, ElementsAre(0, 1, 0));
  EXPECT_THAT(table.find("zip_code")->levels, ElementsAre("Surburban", "Rural"));
  EXPECT_EQ(table.find("visit")->field, 4u);
  EXPECT_EQ(table.find("nothing"), nullptr);
}

TEST(Csv, AcceptsBomCarriageReturnsBlankLinesAndAMissingLastLineEnd) {
  const std::string expected = dump(parsed("a,b\n1,x\n2,y\n"));
  EXPECT_EQ(dump(parsed("\xEF\xBB\xBF"
                        "a,b\n1,x\n2,y\n")),
            expected);
  EXPECT_EQ(dump(parsed("a,b\r\n1,x\r\n2,y\r\n")), expected);
  EXPECT_EQ(dump(parsed("a,b\n1,x\n2,y")), expected);
  EXPECT_EQ(dump(parsed("a,b\n1,x\n2,y\n\n\n")), expected);
  EXPECT_EQ(dump(parsed("\"a\",\"b\"\r\n\"1\",\"x\"\r\n\"2\",\"y\"")), expected);
}

TEST(Csv, ReadsQuotedFieldsWithSeparatorsQuotesAndLineBreaks) {
  const DataTable table =
      parsed("name,n\n\"a,b\",1\n\"say \"\"hi\"\"\",2\n\"two\r\nlines\",3\n\"\",4\n\"\"\"\",5\n  padded ,6\n");
  EXPECT_THAT(cells(table, "name"), ElementsAre("a,b", "say \"hi\"", "two\r\nlines", "", "\"", "  padded "));
  EXPECT_THAT(table.find("n")->numbers, ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST(Csv, CountsPhysicalLinesAcrossLineBreaksInQuotesAndBlankLines) {
  const DataTable table = parsed("a,b\n1,x\n2,\"two\nlines\"\n3,y\n\n4,z\n5,w\n");
  std::vector<std::size_t> lines;
  for (std::size_t row = 0; row < table.rows(); ++row) lines.push_back(table.line_of(row));
  EXPECT_THAT(lines, ElementsAre(2, 3, 5, 7, 8));
  EXPECT_EQ(table.where(3), "data.csv:7");
  EXPECT_EQ(table.where(3, *table.find("b")), "data.csv:7:2");
  const std::size_t index[] = {4, 2};
  EXPECT_EQ(table.select_rows(index).where(1), "data.csv:5");
}

TEST(Csv, KeepsTextExactlyWhereItIsAskedFor) {
  const DataTable table = parsed("id,x\n01,1\n1,2\n1.0,3\n,4\n", {.text_columns = {"id"}});
  EXPECT_EQ(table.find("id")->kind, ColumnKind::kText);
  EXPECT_THAT(cells(table, "id"), ElementsAre("01", "1", "1.0", ""));
  EXPECT_TRUE(table.find("id")->is_missing(3));
  EXPECT_EQ(parsed("id\n01\n").find("id")->kind, ColumnKind::kNumeric);
}

TEST(Csv, AColumnIsTextAsSoonAsOneCellIsNotAFiniteNumber) {
  for (const char* cell :
       {"NA", "nan", "inf", "-Infinity", "1e999", "0x10", "1 ", " 1", "1,5", "--1", "1e", ".", "-", "1_000"}) {
    const std::string text = fmt::format("x,y\n1.50,0\n\"{}\",0\n", cell);
    const DataTable table = parsed(text);
    EXPECT_EQ(table.find("x")->kind, ColumnKind::kText) << cell;
    EXPECT_THAT(cells(table, "x"), ElementsAre("1.50", cell));
  }
  for (const char* cell : {"1", "-1.5", "+2", "1e5", "1E-5", ".5", "5.", "007", "1e-999", "123456789012345678901234567890"}) {
    EXPECT_EQ(parsed(fmt::format("x\n{}\n", cell)).find("x")->kind, ColumnKind::kNumeric) << cell;
  }
}

TEST(Csv, AColumnOfEmptyCellsIsNumeric) {
  const DataTable table = parsed("a,b\n,1\n,2\n");
  EXPECT_THAT(table.find("a")->numbers, ElementsAre(IsNan(), IsNan()));
}

TEST(Csv, LoadsASubsetOfTheColumnsAndOfTheRows) {
  const DataTable table = parsed("a,b,c\n1,x,3\n4,y,6\n7,z,9\n", {.only = NameSet{"c", "a", "unknown"}, .max_rows = 2});
  EXPECT_EQ(table.rows(), 2u);
  ASSERT_EQ(table.columns().size(), 2u);
  EXPECT_EQ(table.columns()[0].name, "a");
  EXPECT_EQ(table.columns()[1].field, 3u);
  EXPECT_THAT(table.columns()[1].numbers, ElementsAre(3, 6));
  EXPECT_THAT(table.names(), ElementsAre("a", "b", "c"));
  EXPECT_EQ(parsed("a\n1\n2\n", {.only = NameSet{}}).rows(), 2u);
}

TEST(Csv, DoesNotLookBehindTheRowLimit) {
  const DataTable table = parsed("a,b\n1,2\n3,4\nx,y\n1,2,3\n\xFF\n", {.max_rows = 2});
  EXPECT_EQ(table.find("a")->kind, ColumnKind::kNumeric);
  EXPECT_EQ(table.rows(), 2u);
}

TEST(Csv, SeparatesTsvByTabs) {
  const auto table = parse_table("a\tb\n1,5\tx\n", "data.tsv");
  ASSERT_TRUE(table);
  EXPECT_THAT(cells(*table, "a"), ElementsAre("1,5"));
  EXPECT_EQ(separator_of("x.tsv.gz"), '\t');
  EXPECT_EQ(separator_of("x.csv.gz"), ',');
  EXPECT_EQ(separator_of("-"), ',');
}

TEST(Csv, NamesUnnamedColumnsByTheirField) {
  EXPECT_THAT(parsed(",b,\n1,2,3\n").names(), ElementsAre("unnamed_1", "b", "unnamed_3"));
}

// Messages.

TEST(Csv, RefusesARaggedRowWithItsLine) {
  EXPECT_EQ(error_of("a,b,c\n1,2,3\n4,5\n6,7,8\n9,10,11,12\n"),
            "data.csv:3: expected 3 fields, found 2\n  data.csv:5: expected 3 fields, found 4");
  EXPECT_EQ(error_of("a\n1\n2,3\n"), "data.csv:3: expected 1 field, found 2");
}

TEST(Csv, ListsTwentyBadRowsAndCountsTheRest) {
  std::string text = "a,b\n";
  for (int i = 0; i < 500; ++i) text += "1\n";
  auto table = parse_table(text, "data.csv", {.block_bytes = 64});
  ASSERT_FALSE(table);
  EXPECT_EQ(table.error().code, ErrorCode::kParseError);
  EXPECT_EQ(table.error().where, "data.csv:2");
  ASSERT_EQ(table.error().notes.size(), 20u);
  EXPECT_EQ(table.error().notes[18], "data.csv:21: expected 2 fields, found 1");
  EXPECT_THAT(table.error().notes[19], HasSubstr("480 more"));
  EXPECT_EQ(error_of(text), table.error().text());
}

TEST(Csv, RefusesFilesWithoutHeaderOrRows) {
  EXPECT_EQ(error_of(""), "data.csv:1: expected a header line with column names, found an empty file");
  EXPECT_EQ(error_of("\n\n"), "data.csv:1: expected a header line with column names, found an empty file");
  EXPECT_EQ(error_of("\xEF\xBB\xBF"), "data.csv:1: expected a header line with column names, found an empty file");
  EXPECT_EQ(error_of("a,b,c\n"), "data.csv:2: expected rows of 3 fields below the header, found the end of the file");
  EXPECT_EQ(error_of("a,b,c"), "data.csv:2: expected rows of 3 fields below the header, found the end of the file");
  EXPECT_EQ(error_of("1.5,2.5\n3,4\n"),
            "data.csv:1: expected a header line with 2 column names, found numbers only; add a header line");
  EXPECT_EQ(parsed("0,1,2\n5,6,7\n").rows(), 1u);  // names that count the columns are names
}

TEST(Csv, RefusesDuplicateColumnNames) {
  EXPECT_EQ(error_of("x,y,x\n1,2,3\n"), "data.csv:1:3: column name \"x\" stands already in field 1");
}

TEST(Csv, RefusesMisplacedAndOpenQuotes) {
  EXPECT_EQ(error_of("a,b\n1,\"open\n2,3\n"), "data.csv:2:2: the quote that opens this field is not closed");
  EXPECT_EQ(error_of("a,b\n1,2\n\"x\"y,3\n4,5\n"),
            "data.csv:3:1: text after the closing quote; a quote inside a quoted field is written twice");
  EXPECT_EQ(error_of("a,b\n1,5\" pipe\n"),
            "data.csv:2:2: a quote inside a field that does not begin with one; put the field in quotes and double it");
}

TEST(Csv, RefusesWhatIsNotUtf8WithLineAndColumn) {
  EXPECT_EQ(error_of("name,x\nok,1\n\xC3\xA9t\xE9,2\nok,3\n\xFF,4\n"),
            "data.csv:3: expected UTF-8, found byte 0xE9 at column 3\n"
            "  data.csv:5: expected UTF-8, found byte 0xFF at column 1");
  EXPECT_EQ(error_of("n\xE4me,x\n1,2\n"), "data.csv:1: expected UTF-8, found byte 0xE4 at column 2");
  EXPECT_EQ(error_of(std::string_view("\xFF\xFE"
                                      "a\0,\0",
                                      6)),
            "data.csv:1: expected UTF-8, found UTF-16; save the file as UTF-8");
  // Columns that are not loaded are checked too.
  EXPECT_THAT(error_of("a,b\n1,\xFF\n", {.only = NameSet{"a"}}), HasSubstr("data.csv:2: expected UTF-8"));
}

TEST(Csv, ReportsProblemsInLineOrder) {
  EXPECT_EQ(error_of("a,b\n1\n\xFF,2\n3\n"),
            "data.csv:2: expected 2 fields, found 1\n"
            "  data.csv:3: expected UTF-8, found byte 0xFF at column 1\n"
            "  data.csv:4: expected 2 fields, found 1");
}

TEST(Csv, ReportsAMissingFile) {
  auto table = read_table("no/such/file.csv");
  ASSERT_FALSE(table);
  EXPECT_EQ(table.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(table.error().text(), HasSubstr("no/such/file.csv"));
  auto folder = read_table("src");
  ASSERT_FALSE(folder);
  EXPECT_THAT(folder.error().text(), HasSubstr("src"));
}

// Files.

TEST(Csv, ReadsPlainAndCompressedFilesAlike) {
  auto folder = TemporaryFolder::create();
  ASSERT_TRUE(folder);
  std::string text = "a,b\n";
  for (int i = 0; i < 5000; ++i) text += fmt::format("{},level {}\n", i * 0.25, i % 7);
  const std::string plain = (folder->path() / "t.csv").string();
  const std::string packed = plain + ".gz";
  ASSERT_TRUE(write_atomic(plain, text));
  ASSERT_TRUE(write_atomic(packed, text));
  const auto a = read_table(plain, {.block_bytes = 1000});
  const auto b = read_table(packed, {.block_bytes = 1000});
  ASSERT_TRUE(a && b);
  EXPECT_EQ(dump(*a), dump(*b));
  EXPECT_EQ(dump(*a), dump(parsed(text)));

  // A stream of several gzip members is one text; a cut one is an error.
  const std::string members = compress_gzip("a,b\n1,2\n") + compress_gzip("3,4\n");
  const std::string two = (folder->path() / "two.csv.gz").string();
  ASSERT_TRUE(append_durable(two, members));
  const auto both = read_table(two);
  ASSERT_TRUE(both) << both.error().text();
  EXPECT_EQ(both->rows(), 2u);
  const std::string cut = (folder->path() / "cut.csv.gz").string();
  ASSERT_TRUE(append_durable(cut, std::string_view(members).substr(0, members.size() - 6)));
  const auto broken = read_table(cut);
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, ErrorCode::kCorrupted);
  const std::string wrong = (folder->path() / "wrong.csv.gz").string();
  ASSERT_TRUE(append_durable(wrong, "a,b\n1,2\n"));
  EXPECT_EQ(read_table(wrong).error().code, ErrorCode::kCorrupted);
}

TEST(Csv, ReadsAPipeThatCannotBeReadTwice) {
  auto folder = TemporaryFolder::create();
  ASSERT_TRUE(folder);
  const std::string pipe = (folder->path() / "pipe.csv").string();
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  std::string text = "a,b\n";
  for (int i = 0; i < 300; ++i) text += fmt::format("{:04},{}\n", i, i);
  text += "last,1\n";  // turns a column to text long after its first cells were parsed as numbers
  std::thread writer([&] { (void)append_durable(pipe, text); });
  const auto table = read_table(pipe, {.block_bytes = 64});
  writer.join();
  ASSERT_TRUE(table) << table.error().text();
  EXPECT_EQ(table->find("a")->text(7), "0007");
  EXPECT_EQ(dump(*table), dump(parsed(text)));
}

// Blocks, threads and late changes of a column's kind.

TEST(Csv, ABlockSizeAndThreadsChangeNothing) {
  Stream random(7, "test.csv");
  for (int round = 0; round < 60; ++round) {
    const std::size_t columns = 1 + random.below(4);
    const std::size_t rows = 1 + random.below(60);
    std::string text;
    for (std::size_t c = 0; c < columns; ++c) text += fmt::format("{}c{}", c ? "," : "", c);
    text += "\n";
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t c = 0; c < columns; ++c) {
        if (c) text += ",";
        const auto kind = random.below(r < rows / 2 ? 6 : 10);  // text comes late in half of the files
        if (kind < 4)
          text += fmt::format("{:03}.50", random.below(50));
        else if (kind < 5)
          text += columns == 1 ? "\"\"" : "";
        else if (kind < 6)
          text += "1e-3";
        else if (kind < 8)
          text += fmt::format("\"t,{}\n\"\"q\"\"\"", random.below(3));
        else
          text += "word";
      }
      text += random.bernoulli(0.1) ? "\r\n\n" : "\n";
    }
    const std::string expected = dump(parsed(text));
    for (const std::size_t block : {1, 7, 33, 256}) {
      for (const int threads : {1, 4}) {
        const ThreadLimit limit(threads);
        EXPECT_EQ(dump(parsed(text, {.block_bytes = block})), expected) << text;
      }
    }
    const std::size_t some = 1 + random.below(rows);
    const std::string head = dump(parsed(text, {.max_rows = some}));
    for (const std::size_t block : {1, 40}) EXPECT_EQ(dump(parsed(text, {.max_rows = some, .block_bytes = block})), head);
  }
}

TEST(Csv, BlankLinesMayComeBeforeTheHeader) {
  for (const std::size_t block : {1, 1000}) {
    const DataTable table = parsed("\n\r\n\n\n\na,b\n1,2\n", {.block_bytes = block});
    EXPECT_THAT(table.names(), ElementsAre("a", "b"));
    EXPECT_EQ(table.line_of(0), 7u);
  }
}

TEST(Csv, ErrorsDoNotDependOnBlocksOrThreads) {
  const std::string text = "a,b\n1,2\n3\n\"x\"y,2\n\xFFz,1\n4,5,6\n7,\"op\n\n8,9\n";
  const std::string expected = error_of(text);
  EXPECT_THAT(expected, HasSubstr("data.csv:7:2: the quote that opens this field is not closed"));
  for (const std::size_t block : {1, 5, 9, 14, 30})
    for (const int threads : {1, 4}) {
      const ThreadLimit limit(threads);
      EXPECT_EQ(error_of(text, {.block_bytes = block}), expected) << block;
    }
}

// Numbers.

TEST(Csv, NumbersAreBitEqualToFromChars) {
  Stream random(1, "test.numbers");
  std::string text = "x\n";
  std::vector<double> expected;
  const auto add = [&](const std::string& cell) {
    double value = 0;
    const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
    ASSERT_TRUE(error == std::errc{} && end == cell.data() + cell.size()) << cell;
    text += cell + "\n";
    expected.push_back(value);
  };
  for (int i = 0; i < 60000; ++i) {
    // Random digits of every length with the point anywhere, and random doubles in their shortest and in 17-digit form.
    std::string digits;
    const std::size_t length = 1 + random.below(22);
    for (std::size_t k = 0; k < length; ++k) digits += static_cast<char>('0' + random.below(10));
    if (random.bernoulli(0.7)) digits.insert(random.below(length + 1), ".");
    if (random.bernoulli(0.3)) digits += fmt::format("e{}", static_cast<int>(random.below(60)) - 30);
    if (random.bernoulli(0.5)) digits.insert(0, "-");
    add(digits);
    const double value = random.normal() * std::pow(10.0, static_cast<double>(random.below(40)) - 20);
    add(shortest(value));
    add(fmt::format("{:.17g}", value));
    add(fmt::format("{:.6f}", value));
  }
  for (const char* edge :
       {"0", "-0", "0.0", "9007199254740992", "9007199254740993", "9007199254740991e22", "1e22", "1e23", "1e-22", "1e-23",
        "123456789012345678", "1234567890123456789", "12345678901234567890", "18446744073709551616", "0.000000000000000000001",
        "1.7976931348623157e308", "5e-324", "00000000000000000000000001.5"}) {
    add(edge);
  }
  const DataTable table = parsed(text);
  const std::vector<double>& found = table.find("x")->numbers;
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i)
    ASSERT_EQ(std::bit_cast<std::uint64_t>(found[i]), std::bit_cast<std::uint64_t>(expected[i])) << i;
}

TEST(Csv, MostCellsTakeTheFastPath) {
  double value = 0;
  const std::string digits = "12345678.25,       ";
  EXPECT_EQ(scan_short_number(digits.data(), value), digits.data() + 11);
  EXPECT_EQ(value, 12345678.25);
  const std::string long_digits = "0.12345678901234567,      ";
  EXPECT_EQ(scan_short_number(long_digits.data(), value), nullptr);  // 17 digits: left to from_chars
}

// Row after row.

TEST(CsvReader, ReadsTheSameRowsAsTheTable) {
  const std::string text = "name,n\n\"a,b\",1\n\n\"say \"\"hi\"\"\",2\n\"two\nlines\",3\nplain,4\n";
  for (const std::size_t block : {1, 6, 1000}) {
    auto reader = CsvReader::from_text(text, "data.csv", {.block_bytes = block});
    ASSERT_TRUE(reader);
    EXPECT_THAT(reader->header(), ElementsAre("name", "n"));
    std::vector<std::string_view> fields;
    std::vector<std::string> rows;
    while (true) {
      const auto more = reader->next(fields);
      ASSERT_TRUE(more) << more.error().text();
      if (!*more) break;
      rows.push_back(fmt::format("{}: {} | {}", reader->line(), fields[0], fields[1]));
    }
    EXPECT_THAT(rows, ElementsAre("2: a,b | 1", "4: say \"hi\" | 2", "5: two\nlines | 3", "7: plain | 4"));
  }
}

TEST(CsvReader, ReportsTheSameFirstErrorAsTheTable) {
  for (const char* text :
       {"", "a,b\n", "a,a\n1,2\n", "a,b\n1,2\n3\n", "a,b\n1,\"x\n", "a,b\n\"x\"y,1\n", "a,b\n1,x\"y\n", "a,b\n1,2\n\xFF,3\n"}) {
    auto table = parse_table(text, "data.csv");
    ASSERT_FALSE(table);
    std::string message = "none";
    auto reader = CsvReader::from_text(text, "data.csv");
    if (!reader) message = reader.error().text();
    std::vector<std::string_view> fields;
    while (reader) {
      const auto more = reader->next(fields);
      if (!more) message = more.error().text();
      if (!more || !*more) break;
    }
    EXPECT_EQ(message, table.error().text());
  }
}

// Writing.

TEST(CsvWriter, QuotesOnlyWhereNeeded) {
  CsvWriter writer({"id", "a,b", "x"});
  writer.cell("u1").cell("No E-Mail").cell(0.1).end_row();
  writer.cell("say \"hi\"").cell("two\nlines").cell(4.0).end_row();
  writer.cell(std::int64_t{-3}).empty().cell(std::nan("")).end_row();
  EXPECT_EQ(writer.text(), "id,\"a,b\",x\nu1,No E-Mail,0.1\n\"say \"\"hi\"\"\",\"two\nlines\",4\n-3,,\n");
}

TEST(CsvWriter, ChecksThatRowsAreComplete) {
  CsvWriter writer({"a", "b"});
  EXPECT_THROW(CsvWriter(writer).cell(1.0).end_row(), CheckFailure);
  EXPECT_THROW(CsvWriter(writer).cell(1.0).cell(2.0).cell(3.0), CheckFailure);
  EXPECT_THROW(CsvWriter(writer).cell(std::numeric_limits<double>::infinity()), CheckFailure);
}

TEST(CsvWriter, WhatIsWrittenReadsBackTheSame) {
  Stream random(3, "test.write");
  const std::vector<std::string> texts = {"",   "plain", "a,b", "\"",       "\"\"", "\n", "\r\n",
                                          "\r", "tab\t", " x ", "\xC3\xA9", "1.50", "01", "\xEF\xBB\xBF"};
  for (int round = 0; round < 40; ++round) {
    DataTable table("data.csv");
    const std::size_t rows = 1 + random.below(20);
    std::vector<double> numbers(rows);
    std::vector<std::string> words(rows);
    for (auto& number : numbers)
      number = random.bernoulli(0.2) ? std::nan("") : std::bit_cast<double>(random.next() & ~(1ull << 62));
    for (auto& word : words) word = texts[random.below(texts.size())];
    if (round % 2 == 0) table.add_numbers("x", numbers);
    table.add_text(round % 3 ? "w" : "\xEF\xBB\xBFw", words);
    const char separator = round % 4 < 2 ? ',' : '\t';
    const std::string text = to_csv(table, separator);
    const std::string words_name = table.columns().back().name;
    const auto back = parse_table(text, "data.csv", {.text_columns = {words_name}, .separator = separator});
    ASSERT_TRUE(back) << back.error().text() << text;
    ASSERT_EQ(back->rows(), rows) << text;
    EXPECT_EQ(cells(*back, words_name), words);
    for (std::size_t i = 0; round % 2 == 0 && i < rows; ++i) {
      if (std::isnan(numbers[i]))
        EXPECT_TRUE(back->find("x")->is_missing(i));
      else
        EXPECT_EQ(std::bit_cast<std::uint64_t>(back->find("x")->numbers[i]), std::bit_cast<std::uint64_t>(numbers[i]));
    }
  }
}

// Real files.

TEST(Csv, ReadsTheHivTrial) {
  GIMBAL_TEST_DATA(path, "policy/thornton_hiv.csv");
  const auto table = read_table(path);
  ASSERT_TRUE(table) << table.error().text();
  EXPECT_EQ(table->rows(), 2825u);
  EXPECT_THAT(table->find("incentive")->levels, ::testing::UnorderedElementsAre("none", "up to 100", "over 100"));
  EXPECT_TRUE(table->find("got")->is_numeric());
}

TEST(Csv, ReadsTheEmailExperiment) {
  GIMBAL_TEST_DATA(path, "policy/hillstrom.csv.gz");
  const auto table = read_table(path);
  ASSERT_TRUE(table) << table.error().text();
  EXPECT_EQ(table->rows(), 64000u);
  double visits = 0;
  for (const double visit : table->find("visit")->numbers) visits += visit;
  EXPECT_NEAR(visits / 64000, 0.1468, 5e-5);  // policy.md 4.1, printed to four digits
  EXPECT_THAT(table->find("zip_code")->levels, ::testing::Contains("Surburban"));
}

}  // namespace
}  // namespace gimbal::data
