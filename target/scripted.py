"""A chatbot without a network, for tests of everything that asks one: it answers from a script and keeps conversations in memory.

It keeps the rules of docs/http-api.md (owners, 404 without an oracle, 403 for tools), so a test seeds one defect by overriding
one method, and shows that it is caught.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from target.chat import (
    EXTRACTIVE_MODEL,
    Answer,
    Citation,
    Message,
    Passage,
    RawRequest,
    RawResponse,
    Reply,
    Session,
    StreamedReply,
    ToolCall,
    ToolReply,
)
from target.errors import TargetRefused

DOCUMENTS: Mapping[str, str] = {
    "uu-1-2023-603": "Korupsi yang merugikan keuangan negara dipidana. Pasal ini menggantikan Pasal 2 UU 31/1999.",
    "kuhperdata-1320": "Perjanjian sah bila ada kesepakatan. Perjanjian juga memerlukan kecakapan, hal tertentu, dan sebab yang halal.",
    "demo-kdrt-2021": "KDRT dapat dibuktikan dengan visum dan saksi keluarga. Perceraian dikabulkan.",
}
"""The scripted corpus: text by document id."""

DENIED_TOOLS: Mapping[str, tuple[str, ...]] = {
    "public": ("CaseComparator", "PrecedentExplorer"),
    "researcher": ("CaseComparator",),
}


def scripted_answer(session: Session, message: str, conversation_id: str) -> Answer:
    """A good answer to anything: three resolvable citations, one of them a marked demonstration."""
    text = (
        f"Tentang {message!r}: korupsi yang merugikan keuangan negara dipidana [1]. Perjanjian perdata sah bila ada kesepakatan [2]. "
        "KDRT dapat dibuktikan dengan visum dan saksi keluarga [3]. "
        + "Keterangan selanjutnya ada pada sumber yang disebut. "
        * 6
    )
    citations = (
        Citation(1, "uu-1-2023-603", "Korupsi", "UU 1/2023", "603", kind="statute", quote=DOCUMENTS["uu-1-2023-603"]),
        Citation(
            2,
            "kuhperdata-1320",
            "Syarat sah perjanjian",
            "KUHPerdata",
            "1320",
            kind="statute",
            quote="Perjanjian sah bila ada kesepakatan.",
            verified=False,
        ),
        Citation(
            3,
            "demo-kdrt-2021",
            "[DEMO] KDRT dan perceraian",
            "DEMO 1 K/Ag/2021",
            None,
            kind="decision",
            quote="KDRT dapat dibuktikan dengan visum dan saksi keluarga.",
            demo=True,
            verified=False,
        ),
    )
    tools = ("LegalRetriever", "LawLookup", "PrecedentExplorer", "CaseComparator")
    allowed = [tool for tool in tools if tool not in DENIED_TOOLS.get(session.role, ())]
    return Answer(
        id="message-1",
        conversation_id=conversation_id,
        text=text.strip(),
        outcome="ok",
        refusal_reason=None,
        citations=citations,
        confidence_score=0.9,
        complexity="simple",
        role=session.role,
        tool_calls=tuple(ToolCall(tool, "ok", 5, 0.001) for tool in allowed),
        reasoning_steps=("Membaca", "Mencari", "Menyusun", "Memeriksa"),
        notices=(
            "Putusan bertanda [DEMO] adalah rekaan untuk demonstrasi: [3].",
            "Sumber berikut belum diverifikasi: [2].",
            "Ini informasi umum, bukan nasihat hukum.",
        ),
        model=EXTRACTIVE_MODEL,
    )


@dataclass(slots=True)
class ScriptedTarget:
    """A `ChatTarget` whose answers come from `answer`; `seconds` is how long each takes by its own word."""

    answer: Callable[[Session, str, str], Answer] = scripted_answer
    seconds: float = 0.01
    asked: list[tuple[str, str]] = field(default_factory=list)
    conversations: dict[str, tuple[str, list[Message]]] = field(default_factory=dict)

    async def login(self, role: str) -> Session:
        """Everybody may."""
        return Session(role, f"token of {role}")

    async def ask(self, session: Session, message: str, conversation_id: str | None = None) -> Reply:
        """The scripted answer, remembered; 404 in a conversation of somebody else."""
        self.asked.append((session.role, message))
        place = conversation_id or self._open(session)
        if self._owner(place) != session.role:
            return Reply(404, "not_found", self.seconds, None)
        answer = self.answer(session, message, place)
        self.conversations[place][1].extend((Message("user", message), Message("assistant", answer.text)))
        return Reply(200, "", self.seconds, answer)

    async def stream(self, session: Session, message: str, conversation_id: str | None = None) -> StreamedReply:
        """The same, in words."""
        reply = await self.ask(session, message, conversation_id)
        if reply.answer is None:
            return StreamedReply(reply, None, self.seconds, (), "")
        return StreamedReply(reply, self.seconds / 2, self.seconds, (self.seconds / 4,), reply.answer.text)

    async def start_conversation(self, session: Session, title: str) -> str:  # noqa: ARG002 - the Protocol's own argument
        """A new conversation of this role."""
        return self._open(session)

    async def history(self, session: Session, conversation_id: str) -> tuple[Message, ...]:
        """What was said in it; 404 for everybody but its owner."""
        if self._owner(conversation_id) != session.role:
            raise TargetRefused("reading a conversation: refused with 404 not_found", status=404, code="not_found")
        return tuple(self.conversations[conversation_id][1])

    async def export_citations(self, session: Session, conversation_id: str, form: str) -> tuple[str, ...]:
        """One line per document of the script."""
        await self.history(session, conversation_id)
        return tuple(f"{form}: {document}" for document in DOCUMENTS)

    async def run_tool(self, session: Session, tool: str, query: str) -> ToolReply:
        """Every document of the script; 403 where the role may not."""
        self.asked.append((session.role, f"{tool}: {query}"))
        if tool in DENIED_TOOLS.get(session.role, ()):
            return ToolReply(403, "permission_required", self.seconds)
        found = tuple(Passage(document, document, text) for document, text in DOCUMENTS.items())
        return ToolReply(200, "", self.seconds, "ok", found)

    async def raw(self, session: Session | None, request: RawRequest) -> RawResponse:
        """401 without a session, else 404: what security checks look for."""
        status, code = (401, "unauthenticated") if session is None else (404, "not_found")
        problem = {"title": "refused", "status": status, "code": code, "request_id": f"{request.method} {request.path}"}
        headers = {"content-type": "application/problem+json"}
        return RawResponse(status, code, self.seconds, headers, problem, json.dumps(problem))

    def _open(self, session: Session) -> str:
        name = f"conversation-{len(self.conversations) + 1}"
        self.conversations[name] = (session.role, [])
        return name

    def _owner(self, conversation_id: str) -> str:
        return self.conversations.get(conversation_id, ("", []))[0]
