extension BaseView {
    static let programs: [ViewEntry] = [
        .root("/usr", "programs, libraries and their data"),
        .root("/bin", "programs by their old name"),
        .root("/sbin", "programs by their old name"),
        .root("/lib", "libraries and the dynamic loader"),
        .root("/lib32", "libraries"),
        .root("/lib64", "the dynamic loader, by the name in every program"),
        .root("/libx32", "libraries"),
        .etc("alternatives", "links of /usr/bin lead through it"),
    ]

    static let libraries: [ViewEntry] = [
        .etc("ld.so.cache", "where libraries are: without it each start searches"),
        .etc("ld.so.conf", "where libraries are"),
        .etc("ld.so.conf.d", "where libraries are"),
        .etc("gai.conf", "order of addresses (getaddrinfo)"),
        .etc("host.conf", "options of the resolver library"),
        .etc("localtime", "the time zone"),
        .etc("timezone", "the time zone's name"),
        .etc("locale.alias", "names of locales"),
        .etc("os-release", "programs choose by distribution"),
        .etc("lsb-release", "the same, older"),
        .etc("debian_version", "the same, Debian"),
        .etc("xattr.conf", "which attributes cp leaves out"),
        .etc("login.defs", "limits of ids, read by account tools"),
    ]

    static let network: [ViewEntry] = [
        .etc("protocols", "numbers of protocols"),
        .etc("services", "numbers of ports"),
        .etc("networks", "names of networks"),
        .etc("rpc", "numbers of RPC programs"),
        .etc("ethertypes", "numbers of Ethernet types"),
        .etc("mime.types", "types of files by their names"),
        .etc("mailcap", "programs by types of files"),
        .etc("chromium.d", "Debian's Chromium does not start without it"),
    ]

    static let trust: [ViewEntry] = [
        .etc("ssl/certs", "certificates that programs trust; Bailey adds its own"),
        .etc("ssl/cert.pem", "the same, by another name"),
        .etc("ssl/openssl.cnf", "OpenSSL's defaults"),
        .etc("ca-certificates", "certificates that programs trust"),
        .etc("ca-certificates.conf", "which of them"),
        .etc("pki/ca-trust", "the same on Fedora"),
        .etc("pki/java", "the same on Fedora, for Java"),
        .etc("pki/tls/certs", "the same on Fedora"),
        .etc("pki/tls/cert.pem", "the same on Fedora"),
        .etc("pki/tls/openssl.cnf", "OpenSSL's defaults on Fedora"),
        .etc("crypto-policies", "algorithms that libraries accept"),
        .etc("gnutls", "algorithms that GnuTLS accepts"),
    ]

    static let languages: [ViewEntry] = [
        .etc("java*", "Java's settings: the runtime in /usr links to them"),
        .etc("maven/m2.conf", "Maven's launcher does not start without it"),
        .etc("maven/logging", "Maven's logging"),
        .etc("maven/toolchains.xml", "where Java is, for Maven"),
        .etc("perl", "Perl's local settings"),
        .etc("python3*", "Python's site settings: /usr links to them"),
        .etc("php", "PHP loads its extensions from there"),
        .etc("R", "R's settings: /usr links to them"),
        .etc("texmf", "TeX's settings: /usr links to them"),
        .etc("ImageMagick-*", "what ImageMagick may decode: safer with it"),
        .etc("fonts", "where fonts are"),
        .etc("xml", "catalogues: document tools look there before the network"),
        .etc("sgml", "catalogues"),
        .etc("magic", "types of files by content"),
        .etc("magic.mime", "types of files by content"),
        .etc("gitconfig", "git's filters and safe folders for all users"),
    ]

    static let interactive: [ViewEntry] = [
        .etc("profile", "login shells"),
        .etc("profile.d", "login shells"),
        .etc("bash.bashrc", "interactive shells"),
        .etc("bash_completion.d", "interactive shells"),
        .etc("inputrc", "keys of line editing"),
        .etc("shells", "which programs are shells"),
        .etc("terminfo", "what terminals can do"),
        .etc("vim", "the editor's defaults"),
        .etc("nanorc", "the editor's defaults"),
    ]
}
