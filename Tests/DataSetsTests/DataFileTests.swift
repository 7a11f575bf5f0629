import DurableFiles
import Foundation
import Testing

@testable import DataSets

@Suite("Data files")
struct DataFileTests {
  private static let first = #"{"problem_id":1,"problem":"2 + 2 ?","data_type":"text","problem_type":"numerical","options":[],"solution":"<answer>4</answer>","data_source":"sums","extra":{"deep":[1]}}"#
  private static let second = #"{"problem_id":"b","problem":"Which?","problem_type":"multiple choice","options":["A. red","B. blue"],"solution":"<answer>B</answer>"}"#

  private func read(
    _ text: String, use: RowUse = .grading, keys: RowKeys = RowKeys(), images: [String] = []
  ) throws -> [DataRow] {
    let folder = try TemporaryFolder()
    for image in images { try folder.write("x", to: image) }
    return try DataFile.read(try folder.write(text, to: "rows.json"), keys: keys, use: use)
  }

  private func failure(_ text: String, use: RowUse = .grading) -> DataError? {
    do {
      _ = try read(text, use: use)
      return nil
    } catch {
      return error as? DataError
    }
  }

  @Test("a JSON list and JSONL give the same rows; unknown fields are ignored", arguments: [
    first + "\n" + second, first + "\r\n\n" + second + "\n", "[\(first),\(second)]", "\u{FEFF}\n [\n\(first) ,\n\(second)\n]\n",
  ])
  func bothForms(text: String) throws {
    let rows = try read(text)
    #expect(rows.map(\.problemID) == ["1", "b"])
    #expect(rows[0] == DataRow(
      problemID: "1", problem: "2 + 2 ?", problemType: .numerical, solution: "<answer>4</answer>", dataSource: "sums"))
    #expect(rows[0].prompt == "2 + 2 ?")
    #expect(rows[1].prompt == "Which?\nA. red; B. blue")
  }

  @Test("an error names the line and the field", arguments: [
    ("\n" + #"{"problem":"a","problem_type":"numerical","solution":5}"# + "\n{\"problem\":", 3, nil),
    (#"{"problem":7,"problem_type":"numerical","solution":"4"}"#, 1, "problem"),
    (#"{"problem_type":"numerical","solution":"4"}"#, 1, "problem"),
    (#"{"problem":"a","problem_type":"numeric","solution":"4"}"#, 1, "problem_type"),
    (#"{"problem":"a","solution":"4"}"#, 1, "problem_type"),
    (#"{"problem":"a","problem_type":"text"}"#, 1, "solution"),
    (#"{"problem":"a","problem_type":"text","solution":"s","options":{"A":1}}"#, 1, "options"),
    (#"{"problem":"a","problem_type":"text","solution":"s","options":[null]}"#, 1, "options"),
    (#"{"problem":"a","problem_type":"text","solution":"s","data_type":"video"}"#, 1, "data_type"),
    (#"{"problem":"a","problem_type":"text","solution":"s","data_type":"image"}"#, 1, "path"),
    ("[1]", 1, nil), ("[\n{\"problem\":\n\"a\" 1}]", 3, nil), ("[\n\n\(first)\n\(first)]", 4, nil), ("[\(first)] x", 1, nil),
    ("[\n\(first),\n\(second),\n{\"problem\":\"c\"}]", 4, "problem_type"),
    ("\(first)\n\(second)\n\(first)", 3, "problem_id"),
  ] as [(String, Int, String?)])
  func namesPlace(text: String, line: Int, field: String?) throws {
    let error = try #require(failure(text))
    #expect(error.line == line && error.field == field, "\(error)")
    #expect(error.message.contains("line \(line)"))
  }

  @Test("a row about a video is refused in so many words, whatever it is for", arguments: [
    (#"{"problem":"a","data_type":"video","path":"a.mp4"}"#, "data_type"), (#"{"problem":"a","video":"a.mp4"}"#, "video"),
    (#"{"problem":"a","videos":["a.mp4"]}"#, "videos"), (#"{"problem":"a","video":{"path":"a.mp4"}}"#, "video"),
  ])
  func video(text: String, field: String) throws {
    let error = try #require(failure(text, use: .prompting))
    #expect(error.field == field && error.message.contains("videos are not supported"))
    #expect(error.advice.contains("frames"))
  }

  @Test("an empty place for a video is no video", arguments: ["null", "\"\"", "[]"])
  func noVideo(value: String) throws {
    #expect(try read(#"{"problem":"a","video":"# + value + "}", use: .prompting).count == 1)
  }

  @Test("what a row is for decides what it must have")
  func uses() throws {
    let bare = #"{"problem":"Say hello"}"#
    #expect(try read(bare, use: .prompting) == [DataRow(problemID: "row-1", problem: "Say hello")])
    #expect(failure(bare, use: .supervised)?.field == "response")
    let spoken = #"{"problem":"Say hello","response":"hello","system":"Be kind.","thinking_score":0.7}"#
    let row = try #require(read(spoken, use: .judging).first)
    #expect(row.response == "hello" && row.thinkingScore == 0.7 && row.system == "Be kind.")
    #expect(failure(#"{"problem":"a","response":"b","thinking_score":1.5}"#, use: .supervised)?.field == "thinking_score")
    #expect(failure(#"{"problem":"a","response":"b"}"#, use: .judging)?.field == "thinking_score")
  }

  @Test("fields are found under the names they are given, else under the standard ones")
  func mapping() throws {
    let keys = RowKeys(prompt: "question", answer: "answer", image: "images")
    let rows = try read(
      #"{"question":"a","answer":4,"images":["p.png"],"problem_type":"numerical"}"# + "\n"
        + #"{"problem":"b","solution":"5","path":"p.png","problem_type":"numerical"}"#, keys: keys, images: ["p.png"])
    #expect(rows.map(\.problem) == ["a", "b"] && rows.map(\.solution) == ["4", "5"])
    #expect(rows.allSatisfy { $0.images.map(\.name) == ["p.png"] && $0.kind == .image })
  }

  @Test("an empty file, a missing file and a folder are refused")
  func unreadable() throws {
    #expect(failure("")?.code == "data.empty")
    #expect(failure("[]")?.code == "data.empty")
    let folder = try TemporaryFolder()
    #expect(throws: FileError.self) { try DataFile.read(folder.path + "/none.json", use: .grading) }
    #expect(throws: FileError.self) { try DataFile.read(folder.path, use: .grading) }
  }

  @Test("rows that were written read back the same")
  func roundTrip() throws {
    let folder = try TemporaryFolder()
    try folder.write("x", to: "one.png")
    try folder.write("x", to: "pictures/two.png")
    var rows = ["007", "12", "x"].enumerated().map { index, id in
      DataRow(
        problemID: id, problem: "\"line\nbreak\" \(index)", problemType: .freeForm, options: ["é", ""], solution: "s",
        dataSource: "d", system: "y", response: "<think>a</think>", thinkingScore: 0.1)
    }
    rows.append(try #require(try DataFile.read(
      folder.write(#"{"problem":"p","paths":["one.png","pictures/two.png"],"problem_type":"OCR","solution":"w"}"#, to: "in.json"),
      use: .grading).first))
    try DataFile.write(rows, to: folder.path + "/out.jsonl")
    #expect(try DataFile.read(folder.path + "/out.jsonl", use: .grading) == rows)
  }
}

@Suite("Image names")
struct ImageReferenceTests {
  @Test("a name that could lead out of the folder, or to nothing, is refused", arguments: [
    ("/etc/passwd", "absolute"), ("../x.png", ".."), ("a/../../x.png", ".."), ("a\\u0000b", "NUL"), ("", "empty"),
    ("none.png", "no file"), ("out.png", "leads out"), ("linked/hosts", "leads out"),
  ])
  func refused(name: String, why: String) throws {
    let folder = try TemporaryFolder()
    try FileManager.default.createSymbolicLink(atPath: folder.path + "/out.png", withDestinationPath: "/etc/hosts")
    try FileManager.default.createSymbolicLink(atPath: folder.path + "/linked", withDestinationPath: "/etc")
    let file = try folder.write(#"{"problem":"p","path":"\#(name)"}"#, to: "rows.json")
    let error = #expect(throws: DataError.self) { try DataFile.read(file, use: .prompting) }
    #expect(try #require(error).reason.contains(why))
    #expect(error?.field == "path")
  }

  @Test("a link that stays inside is followed")
  func inside() throws {
    let folder = try TemporaryFolder()
    try folder.write("x", to: "real.png")
    try FileManager.default.createSymbolicLink(atPath: folder.path + "/link.png", withDestinationPath: "real.png")
    let file = try folder.write(#"{"problem":"p","path":"link.png"}"#, to: "rows.json")
    let image = try #require(try DataFile.read(file, use: .prompting).first?.images.first)
    #expect(image.name == "link.png" && image.path.hasSuffix("/real.png"))
  }

  @Test("rows that the user types may name any file, relative or not")
  func typed() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("x", to: "real.png")
    let reader = RowReader(file: "standard input", places: .anywhere(relativeTo: folder.path), use: .prompting)
    for name in [path, "real.png", "./real.png"] {
      let row = try reader.row(.object([.init("problem", .string("p")), .init("path", .string(name))]), line: 1, index: 0)
      #expect(row.images.first?.path.hasSuffix("/real.png") == true)
    }
  }
}

/// A folder that goes away with its test.
final class TemporaryFolder {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "/data-sets-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  @discardableResult
  func write(_ text: String, to name: String) throws -> String {
    let file = path + "/" + name
    try FileManager.default.createDirectory(
      atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    try Data(text.utf8).write(to: URL(fileURLWithPath: file))
    return file
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}
