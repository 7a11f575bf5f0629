import Foundation

/// The inputs that are kept: a folder a target, a file an input.
enum Corpus {
  static let folder = "\((#filePath as NSString).deletingLastPathComponent)/Corpus"

  static func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder).sorted() }

  static func inputs(of target: String) throws -> [(file: String, bytes: [UInt8])] {
    try FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(target)").sorted().map { file in
      (file, [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(target)/\(file)"))))
    }
  }
}
