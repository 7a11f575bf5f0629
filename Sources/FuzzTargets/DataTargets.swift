internal import DataSets

extension FuzzTarget {
  static let data: [FuzzTarget] = [
    FuzzTarget("data-rows", maximumLength: 1024, dictionary: "rows", run: dataRows),
    FuzzTarget("json", maximumLength: 512, dictionary: "rows", run: json),
  ]

  /// The first byte says what the rows are for.
  @Sendable
  private static func dataRows(_ bytes: [UInt8]) -> Bool {
    var input = FuzzInput(bytes)
    let use = input.one(of: [RowUse.prompting, .grading, .supervised, .judging])
    let reader = RowReader(file: "fuzzed.jsonl", places: .within(folder: "/data"), use: use, lookingUpImages: false)
    guard let rows = try? DataFile.rows(input.bytes, reader: reader) else { return false }
    require(!rows.isEmpty && Set(rows.map(\.problemID)).count == rows.count, "rows share a problem_id")
    for row in rows {
      require(row.images.allSatisfy { !$0.name.hasPrefix("/") && !$0.name.contains("\0") }, "an image lies anywhere: \(row.images)")
      require(row.images.allSatisfy { !$0.name.split(separator: "/").contains("..") }, "an image lies outside: \(row.images)")
      require(row.thinkingScore.map { 0...1 ~= $0 } ?? true, "the thinking score is \(row.thinkingScore ?? 0)")
    }
    let written = rows.map { $0.json.serialized }.joined(separator: "\n")
    let read = try? DataFile.rows(Array(written.utf8), reader: reader)
    require(read == rows, "rows change when they are written: \(written)")
    return true
  }

  @Sendable
  private static func json(_ bytes: [UInt8]) -> Bool {
    guard let value = try? JSONParser.parse(bytes[...]) else { return false }
    let read = try? JSONParser.parse(value.serialized)
    require(read == value, "\(value.serialized) reads back otherwise")
    return true
  }
}
