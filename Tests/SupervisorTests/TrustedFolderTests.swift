import Client
import Foundation
import Glibc
import Linux
import Testing

/// Folders that a socket of approvers may lie in.
struct TrustedFolderTests {
    private let root: String
    private let cleanup: Cleanup

    private final class Cleanup {
        let path: String
        init(_ path: String) { self.path = path }
        deinit { try? FileManager.default.removeItem(atPath: path) }
    }

    init() throws {
        var template = Array("/tmp/bailey-trusted-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw POSIXError(.init(rawValue: errno) ?? .EIO) }
        root = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        cleanup = Cleanup(root)
        for folder in ["above", "above/way", "above/way/answers"] { try make(folder) }
    }

    private func make(_ folder: String) throws {
        guard mkdir("\(root)/\(folder)", 0o755) == 0 else { throw POSIXError(.EIO) }
    }

    /// Why a folder is not trusted; nil where it is.
    private func refusal(of folder: String, owner: UInt32 = geteuid()) -> SystemCallError? {
        do throws(SystemCallError) {
            _ = try TrustedFolder("\(root)/\(folder)", owner: owner)
            return nil
        } catch {
            return error
        }
    }

    private func inode(_ path: String) throws -> Int {
        try #require(try FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber] as? Int)
    }

    @Test func `A folder of one's own, also over a link of one's own, is trusted, and stays that folder`()
        throws
    {
        #expect(symlink("way", "\(root)/above/link") == 0)
        #expect(symlink("\(root)/above/link/../way", "\(root)/whole") == 0)
        #expect(refusal(of: "above/link/answers") == nil && refusal(of: "whole/answers") == nil)
        let before = try inode("\(root)/above/way/answers")
        let folder = try TrustedFolder("\(root)/above/way/answers", owner: geteuid())
        #expect(rename("\(root)/above/way", "\(root)/above/moved") == 0)
        try make("above/way")
        try make("above/way/answers")
        #expect(try inode(folder.path + "/.") == before)
        #expect(try inode("\(root)/above/way/answers") != before)
    }

    @Test func `Where others may move a folder of the way it is refused, by the folder's name`() {
        #expect(refusal(of: "above/way/answers") == nil)
        for (folder, mode) in [("above", mode_t(0o777)), ("above/way", 0o775)] {
            chmod("\(root)/\(folder)", mode)
            let error = refusal(of: "above/way/answers")
            #expect(
                error?.errno == EPERM && error?.object == "\(root)/\(folder)",
                "\(String(describing: error))"
            )
            // Each moves their own names alone there.
            chmod("\(root)/\(folder)", mode | S_ISVTX)
            #expect(refusal(of: "above/way/answers") == nil)
            chmod("\(root)/\(folder)", 0o755)
        }
        // In the folder itself anybody could put a socket of that name first.
        chmod("\(root)/above/way/answers", 0o1777)
        #expect(
            refusal(of: "above/way/answers")?.stage.contains(
                "in which others than its owner and root may write"
            ) == true
        )
    }

    @Test(.enabled(if: geteuid() == 0, "needs root, which can give folders away"))
    func `What somebody else has on the way is refused, a link too; root's is not`() {
        let other: UInt32 = 65_533
        #expect(refusal(of: "above/way/answers", owner: other)?.object == nil)
        chown("\(root)/above/way", other, other)
        #expect(refusal(of: "above/way/answers")?.object == "\(root)/above/way")
        #expect(refusal(of: "above/way/answers", owner: other) == nil)
        chown("\(root)/above/way", 0, 0)
        chmod("\(root)/above", 0o1777)
        #expect(symlink("way", "\(root)/above/link") == 0)
        #expect(refusal(of: "above/link/answers") == nil)
        lchown("\(root)/above/link", other, other)
        #expect(refusal(of: "above/link/answers")?.object == "\(root)/above/link")
        #expect(refusal(of: "above/link/answers", owner: other) == nil)
    }

    @Test func `What is no folder, is not there or leads in a circle is refused`() throws {
        #expect(refusal(of: "above/none")?.errno == ENOENT)
        try Data().write(to: URL(filePath: "\(root)/above/file"))
        #expect(refusal(of: "above/file")?.errno == ENOTDIR)
        #expect(refusal(of: "above/file/answers")?.errno == ENOTDIR)
        #expect(symlink("circle", "\(root)/circle") == 0)
        #expect(refusal(of: "circle/answers")?.errno == ELOOP)
    }
}
