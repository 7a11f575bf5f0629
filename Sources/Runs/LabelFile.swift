internal import DurableFiles
internal import Foundation

/// Labels as they came, one a line; a last line that is not whole is none.
struct LabelFile {
  private struct Line: Codable {
    let trace: String
    let score: Double
  }

  private let path: String

  init(_ path: String) {
    self.path = path
  }

  func read() throws -> [SHA256Digest: Double] {
    guard FileManager.default.fileExists(atPath: path) else { return [:] }
    var labels: [SHA256Digest: Double] = [:]
    for line in try DurableFiles.read(path).split(separator: 10) {
      guard let line = try? JSONDecoder().decode(Line.self, from: Data(line)), let digest = SHA256Digest(hex: line.trace) else { continue }
      labels[digest] = line.score
    }
    return labels
  }

  func append(_ labels: [(SHA256Digest, Double)]) throws {
    guard !labels.isEmpty else { return }
    // It begins with a line's end, in case the one before was cut off.
    let text = try labels.map { "\n" + String(decoding: try JSONEncoder().encode(Line(trace: "\($0.0)", score: $0.1)), as: UTF8.self) }.joined()
    if !FileManager.default.fileExists(atPath: path) { try DurableFiles.write([], to: path) }
    let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    defer { try? file.close() }
    try file.seekToEnd()
    try file.write(contentsOf: Data(text.utf8))
  }
}
