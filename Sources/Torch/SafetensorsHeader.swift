internal import Foundation
internal import Limits

/// The checked header of a safetensors file: which tensor lies where.
///
/// The format: 8 bytes little-endian length of the header, the header (a JSON object), then the bytes of the tensors
/// without gap or overlap. Everything in a header is taken for hostile until it has been checked here.
struct SafetensorsHeader {
  struct Entry: Sendable, Equatable {
    let name: String
    let dtype: DType
    let shape: [Int]
    /// Bytes after the header.
    let range: Range<Int>
  }

  /// A longer header is refused before it is read, bytes.
  static let lengthLimit = Limits.standard.models.safetensorsHeader

  /// In the order of their bytes.
  let entries: [Entry]
  let metadata: [String: String]

  /// - Parameters:
  ///   - header: the JSON object.
  ///   - dataCount: bytes after it.
  ///   - file: named in errors.
  init(_ header: UnsafeRawBufferPointer, dataCount: Int, file: String) throws(TorchError) {
    guard header.first == UInt8(ascii: "{") else { throw .damaged(file, "its header does not begin with {") }
    let raw: RawHeader
    do {
      raw = try JSONDecoder().decode(RawHeader.self, from: Data(header))
    } catch {
      throw .damaged(file, "its header is no valid list of tensors: \(Self.reason(error))")
    }
    metadata = raw.metadata

    var entries: [Entry] = []
    for (name, tensor) in raw.tensors { entries.append(try Self.check(name, tensor, dataCount: dataCount, file: file)) }
    entries.sort {
      ($0.range.lowerBound, $0.range.upperBound, $0.name) < ($1.range.lowerBound, $1.range.upperBound, $1.name)
    }
    var end = 0
    for entry in entries {
      guard entry.range.lowerBound == end else {
        let what = entry.range.lowerBound < end ? "overlaps the tensor before it" : "leaves a gap before it"
        throw .damaged(file, "tensor \(entry.name) \(what) (begins at \(entry.range.lowerBound), not at \(end))")
      }
      end = entry.range.upperBound
    }
    guard end == dataCount else {
      throw .damaged(file, "its tensors take \(end) bytes, the file has \(dataCount) after the header")
    }
    self.entries = entries
  }

  private static func check(
    _ name: String, _ tensor: RawTensor, dataCount: Int, file: String
  ) throws(TorchError) -> Entry {
    guard let dtype = DType(safetensorsName: tensor.dtype) else {
      throw TorchError(
        code: "safetensors.dtype", message: "\(file): tensor \(name) has the dtype \(tensor.dtype.prefix(32))",
        advice: "convert it to F32, F16 or BF16")
    }
    guard tensor.shape.count <= Limits.standard.models.tensorRank, tensor.offsets.count == 2 else {
      throw .damaged(file, "tensor \(name) has \(tensor.shape.count) dimensions and \(tensor.offsets.count) offsets")
    }
    var bytes = dtype.byteCount
    for length in tensor.shape {
      let (product, overflow) = bytes.multipliedReportingOverflow(by: length)
      guard length >= 0, !overflow else { throw .damaged(file, "tensor \(name) has the impossible shape \(tensor.shape)") }
      bytes = product
    }
    let (begin, end) = (tensor.offsets[0], tensor.offsets[1])
    guard begin >= 0, begin <= end, end <= dataCount else {
      throw .damaged(file, "tensor \(name) lies at \(begin)..<\(end), outside of the \(dataCount) bytes of the file")
    }
    guard end - begin == bytes else {
      throw .damaged(file, "tensor \(name), \(tensor.dtype)\(tensor.shape), takes \(bytes) bytes, its offsets give \(end - begin)")
    }
    return Entry(name: name, dtype: dtype, shape: tensor.shape, range: begin..<end)
  }

  private static func reason(_ error: any Error) -> String {
    guard let error = error as? DecodingError else { return "\(error)" }
    switch error {
    case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context),
      .keyNotFound(_, let context):
      let path = context.codingPath.map { String($0.stringValue.prefix(100)) }.joined(separator: " / ")
      return path.isEmpty ? context.debugDescription : "\(path): \(context.debugDescription)"
    @unknown default: return "\(error)"
    }
  }
}

private struct RawTensor: Decodable {
  let dtype: String
  let shape: [Int]
  let offsets: [Int]

  enum CodingKeys: String, CodingKey {
    case dtype, shape
    case offsets = "data_offsets"
  }
}

private struct RawHeader: Decodable {
  var metadata: [String: String] = [:]
  var tensors: [(String, RawTensor)] = []

  struct Name: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Name.self)
    for key in container.allKeys {
      if key.stringValue == "__metadata__" {
        metadata = try container.decode([String: String].self, forKey: key)
      } else {
        tensors.append((key.stringValue, try container.decode(RawTensor.self, forKey: key)))
      }
    }
  }
}

extension DType {
  private static let safetensorsNames: [DType: String] = [
    .float32: "F32", .float64: "F64", .float16: "F16", .bfloat16: "BF16", .int8: "I8", .int16: "I16", .int32: "I32",
    .int64: "I64", .uint8: "U8", .bool: "BOOL",
  ]

  init?(safetensorsName name: String) {
    guard let match = Self.safetensorsNames.first(where: { $0.value == name }) else { return nil }
    self = match.key
  }

  package var safetensorsName: String { Self.safetensorsNames[self] ?? rawValue }
}

extension TorchError {
  static func damaged(_ file: String, _ what: String) -> TorchError {
    TorchError(
      code: "safetensors.damaged", message: "\(file): \(what)",
      advice: "the file is damaged or not safetensors: copy or download it again")
  }
}
