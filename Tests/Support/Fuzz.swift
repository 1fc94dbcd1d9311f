internal import Foundation

/// One reader of octets that a hostile side sends, and what must hold of it whatever they are.
///
/// Damaged input, the same in each run: an octet changed, runs of others put in, left out, repeated, numbers that borders are
/// made of, words of the format. `make test` tries a few hundred cases; `make fuzz` goes on for as long as it is told, and
/// keeps what it finds in a file, also what ends the process. A file in `Tests/Findings/NAME` is tried first from then on.
package struct Fuzz {
    private let name: String
    private let seeds: [[UInt8]]
    private let words: [[UInt8]]

    /// Cases of a run that no time is given for.
    private static let cases = 300
    /// Octets of an input: several reads of a socket, where each octet still counts.
    fileprivate static let largest = 131_072

    package init(_ name: String, seeds: [[UInt8]], words: [String] = []) {
        self.name = name
        self.seeds = (Self.findings(of: name) + seeds).map { Array($0.prefix(Self.largest)) }
        self.words =
            words.map { Array($0.utf8) } + [
                [0], [0xFF], [0x7F], [0x80], [0, 0, 0, 0], [0xFF, 0xFF, 0xFF, 0xFF],
            ]
    }

    package init(_ name: String, texts: [String], words: [String] = []) {
        self.init(name, seeds: texts.map { Array($0.utf8) }, words: words)
    }

    private static func findings(of name: String) -> [[UInt8]] {
        let folder = URL(filePath: #filePath).appending(path: "../../Findings/\(name)").standardizedFileURL
        let files =
            (try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)) ?? []
        return files.sorted { $0.path < $1.path }.compactMap { try? Array(Data(contentsOf: $0)) }
    }

    /// Tries one case after the other; what `check` throws is a finding.
    package func run(_ check: ([UInt8], inout SplitMix) throws -> Void) throws {
        let environment = ProcessInfo.processInfo.environment
        let keeper = try environment["BAILEY_FUZZ"].map { try Keeper(folder: $0, name: name) }
        let seconds = environment["BAILEY_FUZZ_SECONDS"].flatMap(Double.init)
        let start = Date()
        var tried = 0
        while seconds.map({ Date().timeIntervalSince(start) < $0 }) ?? (tried < Self.cases) {
            var random = SplitMix(UInt64(tried))
            let input = tried < seeds.count ? seeds[tried] : damaged(&random)
            keeper?.keep(input)
            do {
                try check(input, &random)
            } catch {
                let file = keeper?.path ?? "no file: make fuzz writes one"
                throw Finding(
                    what: "\(name), case \(tried): \(error); \(file): \(Data(input).base64EncodedString())"
                )
            }
            tried += 1
        }
        keeper?.remove()
        guard seconds != nil else { return }
        print("\(name): \(tried) cases, \(Int(Double(tried) / Date().timeIntervalSince(start))) each second")
    }

    private func damaged(_ random: inout SplitMix) -> [UInt8] {
        var input = seeds.randomElement(using: &random) ?? []
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let place = Int.random(in: 0...input.count, using: &random)
            let end = min(input.count, place + Int.random(in: 1...16, using: &random))
            switch Int.random(in: 0..<7, using: &random) {
            case 0: input.removeSubrange(place..<end)
            case 1: input.insert(contentsOf: words.randomElement(using: &random) ?? [], at: place)
            case 2: for index in place..<end { input[index] ^= 1 << UInt8.random(in: 0..<8, using: &random) }
            case 3: for index in place..<end { input[index] = UInt8.random(in: 0...255, using: &random) }
            case 4: input.removeSubrange(place...)
            case 5:
                let other = seeds.randomElement(using: &random) ?? []
                input.replaceSubrange(
                    place...,
                    with: other.suffix(Int.random(in: 0...other.count, using: &random))
                )
            default:
                let times = Int.random(in: 1...64, using: &random)
                input.insert(contentsOf: (0..<times).flatMap { _ in input[place..<end] }, at: place)
            }
        }
        return Array(input.prefix(Self.largest))
    }
}

/// What did not hold.
package struct Finding: Error, CustomStringConvertible {
    private let what: String

    package init(what: String) { self.what = what }

    package var description: String { what }

    /// Throws unless it is so.
    package static func unless(_ holds: Bool, _ what: @autoclosure () -> String) throws {
        guard holds else { throw Finding(what: what()) }
    }
}

extension Sequence<UInt8> {
    /// Cut at random into pieces of up to so many octets.
    package func pieces(of most: Int, _ random: inout SplitMix) -> [[UInt8]] {
        var rest = Array(self)[...]
        var pieces: [[UInt8]] = []
        while !rest.isEmpty {
            let piece = rest.prefix(Int.random(in: 1...most, using: &random))
            pieces.append(Array(piece))
            rest = rest.dropFirst(piece.count)
        }
        return pieces
    }
}

/// The input that is being tried, in a file that outlives the process.
private final class Keeper {
    let path: String
    private let pages: UnsafeMutableRawPointer

    init(folder: String, name: String) throws {
        path = "\(folder)/\(name)"
        let file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw Finding(what: "\(path) cannot be made: errno \(errno)") }
        self.file = file
        let pages = mmap(nil, Fuzz.largest, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
        guard let pages, pages != MAP_FAILED else {
            throw Finding(what: "\(path) cannot be mapped: errno \(errno)")
        }
        self.pages = pages
    }

    private let file: Int32

    /// The file is as long as the input, so that it can be tried again as it is.
    func keep(_ input: [UInt8]) {
        guard ftruncate(file, off_t(input.count)) == 0 else { return }
        input.withUnsafeBytes { octets in
            guard let start = octets.baseAddress else { return }
            memcpy(pages, start, octets.count)
        }
    }

    func remove() { unlink(path) }

    deinit {
        munmap(pages, Fuzz.largest)
        close(file)
    }
}
