"""One turn of a conversation: what a question leans on, and how its answer is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from service.chat.citations import dump_citations
from service.exchange import Answer, Question, Turn
from service.minutes import Minutes, MinuteTaker
from service.retrieval.retriever import NO_FILTERS, Filters
from service.sanitising import cleaned_line
from service.security.access import Caller
from service.sharing.recent import Memory, Remembered
from service.store.answers import insert_answer
from service.store.conversations import (
    Conversation,
    Message,
    append_messages,
    insert_conversation,
    insert_messages,
    recall,
)
from service.store.store import Change, Store
from service.store.work import Job, Work

_TITLE_CHARACTERS = 80


def _key(owner: str, conversation_id: str) -> tuple[str, ...]:
    """The name under which the store keeps what is recalled of a conversation."""
    return ("recalled", owner, conversation_id)


def _nothing() -> Work[None]:
    yield from ()


class Turns:
    """Opens and keeps turns."""

    def __init__(
        self,
        store: Store,
        remembered: int,
        new_id: Callable[[], str],
        wall_clock: Callable[[], float],
        minutes: MinuteTaker,
        memory: Memory,
    ) -> None:
        self._store = store
        self._minutes = minutes
        self._memory = memory
        self._remembered = remembered
        self._new_id = new_id
        self._wall_clock = wall_clock

    async def open(
        self,
        caller: Caller,
        text: str,
        conversation_id: str | None,
        request_id: str = "",
        *,
        cacheable: bool = True,
        filters: Filters = NO_FILTERS,
        trace_id: str = "",
        earlier: Sequence[str] = (),
        extractive: bool = False,
    ) -> Turn:
        """Place a question in a conversation of the caller, or in a new one that is made when the answer is kept.

        `earlier` are the caller's earlier questions, the newest first, where the caller keeps the conversation: they stand for what we remember.

        Raises:
            NotFound: there is no such conversation of the caller.
            StorageUnavailable: it cannot be read.
        """
        if conversation_id is None:
            said, title = earlier[: self._remembered], earlier[-1].strip()[:_TITLE_CHARACTERS] if earlier else None
            question = Question(text, caller.role, said, title, request_id, cacheable, filters, extractive)
            return self._turn(caller, question, self._new_id(), trace_id, is_new=True)

        recalled = None
        known = await self._memory.recall(caller.account_id, conversation_id)
        if known is None:
            known = recalled = await self._recalled(caller.account_id, conversation_id)
        said = earlier[: self._remembered] or known.earlier
        question = Question(text, caller.role, said, known.title, request_id, cacheable, filters, extractive)
        return self._turn(caller, question, conversation_id, trace_id, is_new=False, recalled=recalled)

    async def _recalled(self, owner: str, conversation_id: str) -> Remembered:
        """A conversation as it stands in the database, by a query only where that may have changed."""
        key = _key(owner, conversation_id)
        kept = self._store.kept(key)
        if isinstance(kept, Remembered):
            return kept

        def look() -> Work[Remembered]:
            return Remembered(*(yield from recall(owner, conversation_id, self._remembered)))

        return await self._store.read(look, key)

    def _turn(
        self,
        caller: Caller,
        question: Question,
        conversation_id: str,
        trace_id: str,
        *,
        is_new: bool,
        recalled: Remembered | None = None,
    ) -> Turn:
        asked_at = self._wall_clock()
        return Turn(self._new_id(), conversation_id, is_new, caller.account_id, question, asked_at, trace_id, recalled)

    async def keep(self, turn: Turn, answer: Answer, beside: Job[None] = _nothing) -> None:
        """Save question, answer, the answer's minutes and what belongs beside them together, durably.

        Raises:
            StorageUnavailable: nothing was saved.
            NotFound: the conversation was deleted meanwhile.
        """
        asked = Message(self._new_id(), "user", turn.question.text, turn.asked_at)
        now = self._wall_clock()
        minutes: Minutes | None = None
        # One line, as every title: a question may have several.
        title = cleaned_line(turn.question.text)[:_TITLE_CHARACTERS].rstrip()

        def job() -> Work[None]:
            nonlocal minutes
            # Made once, and beside the event loop where the store writes there.
            minutes = minutes or self._minutes.of(turn, answer, now)
            answered = Message(turn.id, "assistant", answer.text, now, dump_citations(answer.citations))
            if turn.is_new:
                begun = Conversation(turn.conversation_id, title, turn.asked_at, 0)
                yield from insert_conversation(turn.owner, begun)
                yield from insert_messages(turn.conversation_id, (asked, answered))
            else:
                yield from append_messages(turn.owner, turn.conversation_id, (asked, answered))
            yield from insert_answer(minutes.saved, minutes.fresh)
            yield from beside()

        await self._store.write(job, self._change(turn, title))
        if minutes:
            self._minutes.kept(minutes)
        question = turn.question
        earlier = (question.text, *question.earlier)[: self._remembered]
        await self._memory.keep(
            turn.owner, turn.conversation_id, Remembered(title if turn.is_new else question.title or title, earlier)
        )

    def _change(self, turn: Turn, title: str) -> Change:
        """What an answer changes of what the store may keep: the questions of its own conversation."""
        recalled = turn.recalled
        after = None
        if turn.is_new:
            after = Remembered(title, (turn.question.text,))
        elif recalled is not None:
            after = Remembered(recalled.title, (turn.question.text, *recalled.earlier)[: self._remembered])
        return Change(_key(turn.owner, turn.conversation_id), recalled, after)
