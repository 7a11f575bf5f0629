internal import Foundation

/// Bytes as GRDB takes them.
typealias DatabaseBlob = Data

extension [UInt8] {
  var data: DatabaseBlob { Data(self) }
}

/// Arrays of numbers as little-endian bytes.
enum Blobs {
  static func encode(_ values: [Int32]) -> [UInt8] {
    values.map { $0.littleEndian }.withUnsafeBytes { [UInt8]($0) }
  }

  static func encode(_ values: [Float]) -> [UInt8] {
    values.map { $0.bitPattern.littleEndian }.withUnsafeBytes { [UInt8]($0) }
  }

  /// - Returns: nil if the bytes are not a whole number of values.
  static func integers(_ bytes: DatabaseBlob) -> [Int32]? {
    words(bytes)?.map { Int32(bitPattern: $0) }
  }

  /// - Returns: nil if the bytes are not a whole number of values.
  static func floats(_ bytes: DatabaseBlob) -> [Float]? {
    words(bytes)?.map { Float(bitPattern: $0) }
  }

  private static func words(_ bytes: DatabaseBlob) -> [UInt32]? {
    guard bytes.count % 4 == 0 else { return nil }
    return bytes.withUnsafeBytes { buffer in
      (0..<buffer.count / 4).map {
        UInt32(littleEndian: buffer.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self))
      }
    }
  }
}
