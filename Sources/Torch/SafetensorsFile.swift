internal import DurableFiles
internal import Foundation

/// A safetensors file, open for reading. Its bytes are mapped, not read: a tensor costs memory when it is asked for.
package final class SafetensorsFile {
  package let path: String
  package let metadata: [String: String]
  /// In the order of their bytes in the file.
  package let names: [String]
  private let entries: [String: SafetensorsHeader.Entry]
  private let mapping: UnsafeRawBufferPointer
  private let dataStart: Int

  /// - Throws: `file.*` if it cannot be read, `safetensors.damaged` or `safetensors.dtype` if its header is refused.
  package init(_ path: String) throws {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError("open", path: path, errno: errno) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw FileError("stat", path: path, errno: errno) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw FileError(code: "file.not-regular", message: "\(path) is not a file", advice: "name a file")
    }
    let size = Int(status.st_size)
    guard size >= 8 else { throw TorchError.damaged(path, "it has only \(size) bytes") }
    guard let base = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), base != MAP_FAILED else {
      throw FileError("mmap", path: path, errno: errno)
    }
    mapping = UnsafeRawBufferPointer(start: base, count: size)
    self.path = path

    do throws(TorchError) {
      let declared = UInt64(littleEndian: mapping.loadUnaligned(as: UInt64.self))
      guard let length = Int(exactly: declared), length <= SafetensorsHeader.lengthLimit, length <= size - 8 else {
        throw .damaged(path, "it declares a header of \(declared) bytes, and has \(size) in all")
      }
      dataStart = 8 + length
      let header = try SafetensorsHeader(
        UnsafeRawBufferPointer(rebasing: mapping[8..<dataStart]), dataCount: size - dataStart, file: path)
      metadata = header.metadata
      names = header.entries.map(\.name)
      entries = Dictionary(uniqueKeysWithValues: header.entries.map { ($0.name, $0) })
    } catch {
      munmap(base, size)
      throw error
    }
  }

  deinit {
    munmap(UnsafeMutableRawPointer(mutating: mapping.baseAddress), mapping.count)
  }

  package func shape(of name: String) -> [Int]? { entries[name]?.shape }

  package func dtype(of name: String) -> DType? { entries[name]?.dtype }

  /// A copy of a tensor.
  ///
  /// - Parameter shape: what it must have; nil takes any.
  /// - Throws: `safetensors.missing` or `safetensors.shape`, naming the file and the tensor.
  package func tensor(_ name: String, shape: [Int]? = nil, on device: Device = .cpu) throws(TorchError) -> Tensor {
    guard let entry = entries[name] else {
      throw TorchError(
        code: "safetensors.missing", message: "\(path) has no tensor \(name)",
        advice: "use the file that belongs to this model's config.json")
    }
    if let shape, shape != entry.shape {
      throw TorchError(
        code: "safetensors.shape", message: "\(path): tensor \(name) has the shape \(entry.shape), not \(shape)",
        advice: "use the file that belongs to this model's config.json")
    }
    let bytes = mapping[dataStart + entry.range.lowerBound..<dataStart + entry.range.upperBound]
    return try Tensor.copying(UnsafeRawBufferPointer(rebasing: bytes), shape: entry.shape, entry.dtype, on: device)
  }
}
