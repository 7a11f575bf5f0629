internal import ActionableErrors
internal import DurableFiles
internal import Limits

/// A file of rows: a JSON list or JSONL (one object a line), told apart by its first character.
package enum DataFile {
  /// Reads every row. Fields that are not known are ignored; blank lines of JSONL are skipped.
  ///
  /// - Parameters:
  ///   - lookingUpImages: whether a row whose image is missing, or lies outside the file's folder, is an error.
  /// - Throws: `FileError` if the file cannot be read, `DataError` with its line and field for the first row that is wrong, for
  ///   a `problem_id` that occurs twice, and for a file without rows.
  package static func read(
    _ path: String, keys: RowKeys = RowKeys(), use: RowUse, lookingUpImages: Bool = true
  ) throws -> [DataRow] {
    let bytes = try DurableFiles.read(path, limit: Limits.standard.texts.dataFile)
    let reader = RowReader(
      file: path, places: .within(folder: folder(of: path)), keys: keys, use: use, lookingUpImages: lookingUpImages)
    return try rows(bytes, reader: reader)
  }

  /// The folder that image names in `path` are relative to.
  package static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  package static func rows(_ bytes: [UInt8], reader: RowReader) throws(DataError) -> [DataRow] {
    let marked = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes[3...] : bytes[...]
    let isList = marked.first { !isSpace($0) } == UInt8(ascii: "[")
    var collected = Collected(reader: reader)
    if isList {
      try readList(marked, into: &collected)
    } else {
      try readLines(marked, into: &collected)
    }
    guard !collected.rows.isEmpty else {
      throw DataError(
        code: "data.empty", file: reader.file, line: 0, field: nil, reason: "it has no rows",
        advice: "check that it is the right file")
    }
    return collected.rows
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 }

  private static func readLines(_ bytes: ArraySlice<UInt8>, into collected: inout Collected) throws(DataError) {
    var line = 0
    var start = bytes.startIndex
    while start < bytes.endIndex {
      let end = bytes[start...].firstIndex(of: 0x0A) ?? bytes.endIndex
      line += 1
      if bytes[start..<end].contains(where: { !isSpace($0) }) {
        let reader = collected.reader
        try collected.add(try reader.row(bytes[start..<end], line: line, index: collected.rows.count), line: line)
      }
      start = end + 1
    }
  }

  private static func readList(_ bytes: ArraySlice<UInt8>, into collected: inout Collected) throws(DataError) {
    let reader = collected.reader
    var position = bytes.startIndex
    var line = 1
    func failure(_ reason: String) -> DataError {
      DataError(
        code: "data.bad-row", file: reader.file, line: line, field: nil, reason: reason,
        advice: "correct the list; it is [ row, row, ... ]")
    }
    func skipSpace() {
      while position < bytes.endIndex, isSpace(bytes[position]) {
        if bytes[position] == 0x0A { line += 1 }
        position += 1
      }
    }
    func take(_ character: Unicode.Scalar) -> Bool {
      guard position < bytes.endIndex, bytes[position] == UInt8(ascii: character) else { return false }
      position += 1
      skipSpace()
      return true
    }
    skipSpace()
    guard take("[") else { throw failure("it does not begin with [") }
    if !take("]") {
      while true {
        let start = position
        let value: JSONValue
        do {
          value = try JSONParser.parsePrefix(bytes, position: &position)
        } catch let problem {
          line += bytes[start..<min(bytes.startIndex + problem.offset, bytes.endIndex)].count { $0 == 0x0A }
          throw failure("not JSON: \(problem.reason)")
        }
        guard position - start <= Limits.standard.texts.row else {
          throw failure("the row has \(position - start) bytes, more than \(Limits.standard.texts.row)")
        }
        try collected.add(try reader.row(value, line: line, index: collected.rows.count), line: line)
        line += bytes[start..<position].count { $0 == 0x0A }
        skipSpace()
        if take("]") { break }
        guard take(",") else { throw failure("the list goes on with , or ends with ]") }
      }
    }
    guard position == bytes.endIndex else { throw failure("something follows the list") }
  }
}

/// Rows read so far, and where each `problem_id` was first seen.
private struct Collected {
  let reader: RowReader
  private(set) var rows: [DataRow] = []
  private var lines: [String: Int] = [:]

  init(reader: RowReader) { self.reader = reader }

  mutating func add(_ row: DataRow, line: Int) throws(DataError) {
    if let first = lines.updateValue(line, forKey: row.problemID) {
      throw DataError(
        code: "data.duplicate", file: reader.file, line: line, field: "problem_id",
        reason: "\(row.problemID.prefix(80)) was already used in line \(first)", advice: "give each row its own problem_id")
    }
    rows.append(row)
  }
}
