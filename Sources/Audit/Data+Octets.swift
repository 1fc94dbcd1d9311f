internal import Foundation

/// `Data` of any sequence asks the runtime first what kind of one it is, each time.
extension Data {
    /// A text in UTF-8.
    init(octets text: String) {
        self = unsafe text.utf8.span.bytes.withUnsafeBytes { unsafe Data(copying: $0) }
    }

    init(octets: [UInt8]) {
        self = unsafe octets.withUnsafeBytes { unsafe Data(copying: $0) }
    }

    private init(copying octets: UnsafeRawBufferPointer) {
        guard let start = octets.baseAddress else {
            self.init()
            return
        }
        unsafe self.init(bytes: start, count: octets.count)
    }
}
