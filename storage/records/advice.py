"""What went wrong with a remote node, in plain words: what failed, and what to change on which side.

Kept here and not in a catalogue of one interface, as the command line and the pages say the same. Facts in braces come
with the trouble; what is unknown reads as a question mark.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from storage.records.remote import Outcome, Problem, Step, Trouble

LANGUAGES = ("en", "vi")


@dataclass(frozen=True, slots=True)
class Advice:
    """What failed, and what to do about it."""

    failed: str
    remedy: str


STEPS: Mapping[Step, tuple[str, str]] = MappingProxyType({
    Step.CONNECT: ("Connect", "Kết nối"),
    Step.ECHO: ("Echo (C-ECHO)", "Hỏi đáp (C-ECHO)"),
    Step.FIND: ("Query (C-FIND)", "Truy vấn (C-FIND)"),
    Step.STORE: ("Send a test image (C-STORE)", "Gửi ảnh thử (C-STORE)"),
})  # fmt: skip
OUTCOMES: Mapping[Outcome, tuple[str, str]] = MappingProxyType({
    Outcome.OK: ("works", "tốt"),
    Outcome.FAILED: ("failed", "lỗi"),
    Outcome.NOT_OFFERED: ("not offered", "không hỗ trợ"),
})  # fmt: skip


def step_words(step: Step, language: str) -> str:
    """Return what a step of a test is called."""
    return STEPS[step][LANGUAGES.index(language)]


def outcome_words(outcome: Outcome, language: str) -> str:
    """Return what became of a step, in a word."""
    return OUTCOMES[outcome][LANGUAGES.index(language)]


class _Facts(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "?"


def advice(problem: Problem, language: str) -> Advice:
    """Return the words for a problem, in English or Vietnamese."""
    english, vietnamese = WORDS[problem.trouble]
    failed, remedy = vietnamese if language == "vi" else english
    facts = _Facts(problem.facts)
    return Advice(" ".join(failed.format_map(facts).split()), " ".join(remedy.format_map(facts).split()))


_Words = tuple[str, str]

WORDS: Mapping[Trouble, tuple[_Words, _Words]] = MappingProxyType({
    Trouble.UNKNOWN_HOST: (
        ("The host name {host} is not known.",
         "Here: correct the host of this peer, or enter its IP address."),
        ("Không tìm thấy máy có tên {host}.",
         "Bên này: sửa lại tên máy của nút này, hoặc nhập địa chỉ IP."),
    ),
    Trouble.REFUSED: (
        ("{host} answers, but nothing listens on port {port}.",
         "There: start the DICOM service of {aet}. Here: check the port of this peer."),
        ("Máy {host} có trả lời nhưng không có chương trình nào nghe ở cổng {port}.",
         "Bên kia: khởi động dịch vụ DICOM của {aet}. Bên này: kiểm tra lại số cổng."),
    ),
    Trouble.UNREACHABLE: (
        ("{host} cannot be reached: {comment}.",
         "Check that both computers are on, the cable, and that this network leads to {host}."),
        ("Không tới được máy {host}: {comment}.",
         "Kiểm tra cả hai máy có bật không, dây mạng, và mạng này có đường tới {host} không."),
    ),
    Trouble.CONNECT_TIMEOUT: (
        ("{host} does not answer on port {port}.",
         "There: is the computer on, is port {port} open in its firewall? Here: check host and port of this peer."),
        ("Máy {host} không trả lời ở cổng {port}.",
         "Bên kia: máy có bật không, tường lửa có mở cổng {port} không? Bên này: kiểm tra địa chỉ và cổng."),
    ),
    Trouble.NO_ANSWER: (
        ("{host}:{port} takes the connection and then says nothing.",
         "There: the program hangs or is too busy; restart it. Here: check that port {port} is its DICOM port."),
        ("{host}:{port} nhận kết nối rồi im lặng.",
         "Bên kia: chương trình bị treo hoặc quá tải, hãy khởi động lại. Bên này: cổng {port} có đúng là cổng DICOM?"),
    ),
    Trouble.CALLED_AET: (
        ("It does not know itself by the AE title {aet} (called AE title not recognised).",
         "Here: enter the AE title of this peer exactly as it is set there, with the same capitals."),
        ("Bên kia không nhận {aet} là AE title của mình (called AE title not recognised).",
         "Bên này: nhập AE title của nút này đúng như bên kia đã đặt, đúng cả chữ hoa chữ thường."),
    ),
    Trouble.CALLING_AET: (
        ("It does not know us: our AE title {own_aet} is not recognised (calling AE title not recognised).",
         "There: add a DICOM node with the AE title {own_aet} and our host and port."),
        ("Bên kia không biết chúng ta: AE title {own_aet} chưa được nhận (calling AE title not recognised).",
         "Bên kia: thêm một nút DICOM có AE title {own_aet} cùng địa chỉ và cổng của chúng ta."),
    ),
    Trouble.REJECTED: (
        ("It rejects the association: {comment}.",
         "There: look at its log, and at what it lets the AE title {own_aet} do."),
        ("Bên kia từ chối kết nối DICOM: {comment}.",
         "Bên kia: xem nhật ký và những quyền đã cấp cho AE title {own_aet}."),
    ),
    Trouble.BUSY: (
        ("It has too many associations open, or is busy ({comment}).",
         "Wait and try again. There: raise the number of associations if this happens often."),
        ("Bên kia đang bận hoặc đã mở quá nhiều kết nối ({comment}).",
         "Chờ rồi thử lại. Bên kia: tăng số kết nối cho phép nếu hay gặp."),
    ),
    Trouble.ABORTED: (
        ("It broke off the association.",
         "There: look at its log. Often it does not know the AE title {own_aet}, or refuses what was asked."),
        ("Bên kia ngắt ngang kết nối DICOM.",
         "Bên kia: xem nhật ký. Thường là do chưa biết AE title {own_aet}, hoặc từ chối yêu cầu."),
    ),
    Trouble.CLOSED: (
        ("It closes the connection without an answer.",
         "There: it may take only known addresses or AE titles (ours is {own_aet}), or wait for TLS. Here: check the"
         " port."),
        ("Bên kia đóng kết nối mà không trả lời.",
         "Bên kia: có thể chỉ nhận địa chỉ hoặc AE title đã biết (của ta là {own_aet}), hoặc đợi TLS. Bên này: kiểm tra"
         " cổng."),
    ),
    Trouble.NOT_DICOM: (
        ("What answers at {host}:{port} does not speak DICOM.",
         "Here: the port of this peer is that of another program; ask for its DICOM port (often 104 or 11112)."),
        ("Chương trình trả lời ở {host}:{port} không nói DICOM.",
         "Bên này: số cổng là của chương trình khác; hãy hỏi lại cổng DICOM (thường là 104 hoặc 11112)."),
    ),
    Trouble.TLS_WANTED: (
        ("It speaks TLS on port {port}, and we came without.",
         "Here: switch TLS on for this peer; or enter its port without TLS."),
        ("Bên kia dùng TLS ở cổng {port}, còn bên này kết nối không mã hóa.",
         "Bên này: bật TLS cho nút này; hoặc nhập cổng không TLS của bên kia."),
    ),
    Trouble.TLS_NOT_SPOKEN: (
        ("We want TLS, and port {port} of {host} does not speak it.",
         "There: switch TLS on, or name the TLS port. Here: switch TLS off for this peer only if the network is safe."),
        ("Bên này yêu cầu TLS nhưng cổng {port} của {host} không dùng TLS.",
         "Bên kia: bật TLS hoặc cho biết cổng TLS. Bên này: chỉ tắt TLS cho nút này nếu mạng an toàn."),
    ),
    Trouble.TLS_NOT_SET_UP: (
        ("This peer is set to TLS, and this archive has none set up: {comment}.",
         "Here: give the archive a certificate and start it again, or switch TLS off for this peer."),
        ("Nút này đặt dùng TLS nhưng kho ảnh chưa cài TLS: {comment}.",
         "Bên này: cài chứng thư cho kho ảnh rồi khởi động lại, hoặc tắt TLS cho nút này."),
    ),
    Trouble.CERTIFICATE: (
        ("The TLS handshake fails over a certificate: {comment}.",
         "Here: trust the authority that signed its certificate. There: trust the one that signed ours."),
        ("Bắt tay TLS thất bại vì chứng thư: {comment}.",
         "Bên này: tin cậy nơi đã ký chứng thư của bên kia. Bên kia: tin cậy nơi đã ký chứng thư của ta."),
    ),
    Trouble.NO_ECHO: (
        ("It does not offer the echo service (no acceptable presentation context).",
         "There: allow Verification (C-ECHO) for {own_aet}."),
        ("Bên kia không cho dùng C-ECHO (no acceptable presentation context).",
         "Bên kia: cho phép Verification (C-ECHO) với {own_aet}."),
    ),
    Trouble.NO_FIND: (
        ("It does not offer queries (no acceptable presentation context for Study Root C-FIND).",
         "There: allow queries (C-FIND) for {own_aet}. A device that only takes images has none; then all is well."),
        ("Bên kia không cho truy vấn (no acceptable presentation context cho C-FIND Study Root).",
         "Bên kia: cho phép C-FIND với {own_aet}. Thiết bị chỉ nhận ảnh không có truy vấn là bình thường."),
    ),
    Trouble.NO_STORE: (
        ("It does not take this kind of object (no acceptable presentation context: {comment}).",
         "There: allow storage (C-STORE) of this kind of object for {own_aet}."),
        ("Bên kia không nhận loại ảnh này (no acceptable presentation context: {comment}).",
         "Bên kia: cho phép {own_aet} gửi (C-STORE) loại ảnh này."),
    ),
    Trouble.NO_RETRIEVE: (
        ("It does not offer {comment}.",
         "There: allow retrieval (C-MOVE or C-GET) for {own_aet}; or have the study sent from there."),
        ("Bên kia không cho dùng {comment}.",
         "Bên kia: cho phép {own_aet} lấy ảnh (C-MOVE hoặc C-GET); hoặc nhờ bên kia gửi ca chụp sang."),
    ),
    Trouble.NOT_AUTHORIZED: (
        ("It refuses: not authorized ({status} {comment}).",
         "There: let the AE title {own_aet} query and retrieve."),
        ("Bên kia từ chối: không có quyền ({status} {comment}).",
         "Bên kia: cấp quyền truy vấn và lấy ảnh cho AE title {own_aet}."),
    ),
    Trouble.OUT_OF_RESOURCES: (
        ("It is out of resources ({status} {comment}).",
         "There: make room on its disk, or ask for less at once. What was sent stays; the rest can be tried again."),
        ("Bên kia hết tài nguyên ({status} {comment}).",
         "Bên kia: giải phóng ổ đĩa, hoặc yêu cầu ít hơn mỗi lần. Phần đã gửi vẫn còn; phần còn lại có thể thử lại."),
    ),
    Trouble.DESTINATION_UNKNOWN: (
        ("It does not know where to send to: {own_aet} is no move destination there ({status}).",
         "There: add {own_aet} with our host and port as a destination (Peers page, \"What the other side must"
         " enter\")."),
        ("Bên kia không biết gửi về đâu: {own_aet} chưa là nơi nhận ở đó ({status}).",
         "Bên kia: thêm {own_aet} với địa chỉ và cổng của ta làm nơi nhận (trang Nút DICOM, “Bên kia cần nhập”)."),
    ),
    Trouble.STATUS: (
        ("It answers with an error: {status} {comment}.",
         "There: look at its log for this moment."),
        ("Bên kia trả lời lỗi: {status} {comment}.",
         "Bên kia: xem nhật ký vào thời điểm này."),
    ),
    Trouble.LOST: (
        ("The connection was lost: {comment}.",
         "Check the network between the two. It is tried again by itself; what arrived is kept."),
        ("Mất kết nối: {comment}.",
         "Kiểm tra mạng giữa hai bên. Hệ thống tự thử lại; phần đã tới vẫn được giữ."),
    ),
    Trouble.SILENT: (
        ("It took the request and has not answered for {comment}.",
         "There: the program hangs or is overloaded; look at its log, or restart it."),
        ("Bên kia đã nhận yêu cầu nhưng không trả lời trong {comment}.",
         "Bên kia: chương trình bị treo hoặc quá tải; xem nhật ký hoặc khởi động lại."),
    ),
    Trouble.NOT_THERE: (
        ("It has no such study, or has no objects of it.",
         "Query it again: the study may have been removed there."),
        ("Bên kia không có ca chụp này, hoặc không có ảnh nào.",
         "Truy vấn lại: ca chụp có thể đã bị xóa ở bên kia."),
    ),
    Trouble.NOT_ARRIVED: (
        ("It says that it sent everything, but {count} objects did not arrive here.",
         "There: the entry for {own_aet} may have a wrong host or port. Here: look at the quarantine."),
        ("Bên kia báo đã gửi xong nhưng {count} ảnh không tới đây.",
         "Bên kia: mục {own_aet} có thể sai địa chỉ hoặc cổng. Bên này: xem trang Cách ly."),
    ),
    Trouble.NO_COMMITMENT: (
        ("{aet} does not offer storage commitment.",
         "There: switch it on, and enter {own_aet} with its address. Or here: do not ask this peer for it."),
        ("{aet} không có dịch vụ xác nhận lưu trữ (storage commitment).",
         "Bên kia: bật dịch vụ này và khai báo {own_aet} cùng địa chỉ. Hoặc bên này: bỏ yêu cầu xác nhận cho nút này."),
    ),
    Trouble.NOT_COMMITTED: (
        ("The other side does not promise to keep {count} objects: {comment}.",
         "Send the study again, and keep it here. If the reason stays, look at log and disk of the other side."),
        ("Bên kia không xác nhận lưu giữ {count} ảnh: {comment}.",
         "Gửi lại ca chụp này và vẫn giữ ảnh ở đây. Nếu vẫn vậy, xem nhật ký và dung lượng ổ đĩa bên kia."),
    ),
    Trouble.INCOMPLETE: (
        ("{count} objects could not be transferred: {comment}.",
         "Try again: only what failed is transferred. If the reason stays, look at the log of the other side."),
        ("{count} ảnh không chuyển được: {comment}.",
         "Hãy thử lại: chỉ chuyển phần bị lỗi. Nếu vẫn lỗi như cũ, xem nhật ký bên kia."),
    ),
    Trouble.PEER_REMOVED: (
        ("{aet} is no peer of this archive any more.",
         "Here: add it again, or leave it."),
        ("{aet} không còn trong danh sách nút DICOM.",
         "Bên này: thêm lại nút này, nếu cần."),
    ),
    Trouble.STUDY_REMOVED: (
        ("The study is not in this archive.",
         "Nothing can be sent."),
        ("Ca chụp không có trong kho ảnh này.",
         "Không có gì để gửi."),
    ),
    Trouble.ARCHIVE: (
        ("This archive cannot go on: {comment}.",
         "Here: look at the space on the disk and at the log. It is tried again by itself."),
        ("Kho ảnh bên này không làm tiếp được: {comment}.",
         "Bên này: xem dung lượng ổ đĩa và nhật ký. Hệ thống tự thử lại."),
    ),
    Trouble.TOO_LATE: (
        ("It was asked too long ago to be done now.",
         "Ask again."),
        ("Yêu cầu đã quá lâu nên không làm nữa.",
         "Hãy yêu cầu lại."),
    ),
    Trouble.INTERNAL: (
        ("Something went wrong in this archive: {comment}.",
         "Here: the log has the details."),
        ("Có lỗi trong kho ảnh này: {comment}.",
         "Bên này: xem chi tiết trong nhật ký."),
    ),
})  # fmt: skip
"""For each trouble the English and the Vietnamese words: what failed, and what to change."""
