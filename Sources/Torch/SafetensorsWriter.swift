internal import DurableFiles
internal import Foundation

/// Writes safetensors files.
package enum SafetensorsWriter {
  /// Writes `tensors` beside `path`, makes the bytes durable and renames: the file is whole or absent. The same tensors
  /// give the same bytes: wider dtypes first, then by name.
  ///
  /// - Parameter metadata: `format: pt` is what other readers ask for.
  package static func write(
    _ tensors: [(name: String, tensor: Tensor)], metadata: [String: String] = ["format": "pt"], to path: String
  ) throws {
    let ordered = tensors.sorted { a, b in
      let (x, y) = (a.tensor.dtype.byteCount, b.tensor.dtype.byteCount)
      return x == y ? a.name.utf8.lexicographicallyPrecedes(b.name.utf8) : x > y
    }
    for (a, b) in zip(ordered, ordered.dropFirst()) where a.name == b.name {
      throw TorchError(
        code: "safetensors.duplicate", message: "two tensors for \(path) are named \(a.name)", advice: "name each its own")
    }
    let aside = path + ".partial"
    do {
      try writeAside(ordered, header: try header(ordered, metadata), to: aside)
      try DurableFiles.rename(aside, to: path)
    } catch {
      unlink(aside)
      throw error
    }
  }

  /// The length, the JSON object, and spaces up to a multiple of 8.
  private static func header(_ tensors: [(name: String, tensor: Tensor)], _ metadata: [String: String]) throws -> [UInt8] {
    var fields: [String] = []
    if !metadata.isEmpty {
      let pairs = try metadata.sorted { $0.key < $1.key }.map { "\(try quoted($0.key)):\(try quoted($0.value))" }
      fields.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
    }
    var offset = 0
    for (name, tensor) in tensors {
      let end = offset + tensor.count * tensor.dtype.byteCount
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      fields.append(
        "\(try quoted(name)):{\"dtype\":\"\(tensor.dtype.safetensorsName)\",\"shape\":[\(shape)],\"data_offsets\":[\(offset),\(end)]}")
      offset = end
    }
    var json = Array("{\(fields.joined(separator: ","))}".utf8)
    json += [UInt8](repeating: UInt8(ascii: " "), count: (8 - json.count % 8) % 8)
    return withUnsafeBytes(of: UInt64(json.count).littleEndian) { Array($0) } + json
  }

  private static func quoted(_ text: String) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .withoutEscapingSlashes
    return String(decoding: try encoder.encode(text), as: UTF8.self)
  }

  private static func writeAside(
    _ tensors: [(name: String, tensor: Tensor)], header: [UInt8], to path: String
  ) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw FileError("open", path: path, errno: errno) }
    defer { close(descriptor) }
    func append(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
      var rest = bytes
      while !rest.isEmpty {
        let count = Foundation.write(descriptor, rest.baseAddress, rest.count)
        if count < 0, errno == EINTR { continue }
        guard count >= 0 else { throw FileError("write", path: path, errno: errno) }
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      }
    }
    try header.withUnsafeBytes { try append($0) }
    for (_, tensor) in tensors {
      try tensor.detached().moved(to: .cpu).contiguous().withUnsafeBytes { try append($0) }
    }
    guard fsync(descriptor) == 0 else { throw FileError("fsync", path: path, errno: errno) }
  }
}
