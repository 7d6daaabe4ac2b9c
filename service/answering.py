"""Takes one question through the house: classify, refuse or plan, look up, weigh, compose, check, score, save.

The steps are told as they happen, so that JSON and streams come from one and the same run.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import date

from service import telling
from service.chat.abstaining import abstention, left_out, reason_of, unknown_names, without
from service.chat.arranging import arrange
from service.chat.brief import Brief, Reading
from service.chat.citations import check_marks, cite
from service.chat.complexity import Complexity, classify
from service.chat.confidence import confidence
from service.chat.contextualise import Context, contextualise
from service.chat.evidence import Evidence, merge, number, select, sentences_of
from service.chat.facets import asked_in
from service.chat.guard import Refusal, RefusalReason, refusal_of
from service.chat.issues import issues_of
from service.chat.language import Language, shows_english
from service.chat.left_open import left_open
from service.chat.notices import notices
from service.chat.planning import Plan, plan_tools
from service.chat.relevance import relevant, unmet
from service.chat.scope import first_scope
from service.chat.smalltalk import Remark
from service.chat.translating import translate
from service.chat.urgent import urgent_help
from service.deployments.model import Deployment
from service.drafting import Draft
from service.errors import Problem
from service.exchange import Answer, Classified, Delta, Event, Outcome, Question, Save
from service.listening import in_the_sources_language, is_aside, understand
from service.llm.calls import Usage
from service.llm.engine import AnswerEngine, Interrupted, Piece, Written
from service.llm.extractive import MODEL, PROVIDER, ExtractiveEngine
from service.readings import Readings
from service.remembering import Remembered
from service.retrieval.analysis import content_words
from service.retrieval.lending import Shelf
from service.retrieval.retriever import NO_FILTERS, Filters, Retriever
from service.retrieval.router import find_citations
from service.text import Said, calmed, said, said_behind
from service.tools.tool import Tool, ToolRequest
from service.tools.toolbox import run_together
from service.watching import Watcher
from service.weighing import Weighed, confidence_in, evidence_features, matter_of, supports_of

_MOST_WORDS: Mapping[Complexity, int] = {"simple": 220, "medium": 340, "complex": 480}
"""Of all quotations of an answer; more is not read."""
_NEAREST_NAMED = 2
_REMEMBERED_MESSAGES = 2_000
_KEPT = ("none", "kept")
_NEAR = 0.33
"""With so great a share of the confidence that an answer needs, sources come near a question: it is no other field."""
_BY_OURSELVES = Written(MODEL, PROVIDER, Usage(0, 0, source="missing"))
"""Who wrote a refusal or an abstention: nobody but the service itself."""


class Answerer:
    """Answers questions for one deployment."""

    def __init__(
        self,
        *,
        deployment: Deployment,
        shelf: Shelf,
        tools: Mapping[str, Tool],
        engine: AnswerEngine,
        watcher: Watcher,
        clock: Callable[[], float],
    ) -> None:
        self._deployment = deployment
        self._shelf = shelf
        self._tools = tools
        self.engine = engine
        self._at_once = engine if isinstance(engine, ExtractiveEngine) else None
        self._watcher = watcher
        self._clock = clock
        self._readings: Readings | None = None
        # Earlier messages come again with each turn of their conversation.
        self._asides = Remembered[str, bool](
            lambda message: is_aside(message, deployment.talk, deployment.refusals), _REMEMBERED_MESSAGES
        )

    async def answer(
        self, question: Question, today: date, save: Save, *, pieces: bool = True
    ) -> AsyncGenerator[Event, None]:
        """Answer a question; the events come in the order Classified, Step and Delta mixed, Answer.

        Args:
            question: what is asked.
            today: the day on which it is asked.
            save: keeps the answer; when it raises, the answer is not told.
            pieces: whether steps and deltas are told; an answer holds them all, and some twenty events cost as much as a look into the database.
        """
        question = self._calmed(question)
        # One generator tells all: each level of them would cost as much as a step itself.
        with self._shelf.lend() as retriever:
            understood = understand(
                question.text, question.earlier, question.title, self._deployment.talk, self._asides.__getitem__
            )
            draft = Draft(classify(understood.text, self._deployment.complexity), today, retriever, understood)
            outcome: Outcome | None = None
            self._watcher.asked(question.text)
            try:
                yield Classified(draft.assessment.complexity)
                finished = self._without_research(draft, question)
                if finished is None:
                    question = question.worded(understood.text, understood.earlier, understood.title)
                    context, plan, filters = self._planned(draft, question)
                    for told in draft.untold() if pieces else ():
                        yield told
                    await self._look_up(draft, context, plan, filters)
                    weighed = await self._best_weighed(draft, question, context)
                    finished = self._abstained(draft, question, context, weighed)
                    for told in draft.untold() if pieces else ():
                        yield told
                    if finished is None:
                        self._watcher.guarded(*_KEPT)
                        brief = _brief(question, context, weighed, draft, followed=pieces)
                        started, written = self._clock(), _BY_OURSELVES
                        if self._at_once and not pieces:
                            text, written = self._at_once.write_at_once(brief)
                            draft.pieces.append(text)
                        else:
                            async with aclosing(self.engine.write(brief)) as events:
                                async for event in events:
                                    if isinstance(event, Written):
                                        written = event
                                    else:
                                        said = _shown(event, draft.language)
                                        draft.pieces.append(said)
                                        if pieces:
                                            yield Delta(said)
                        self._watcher.generated(written.model, self._clock() - started)
                        finished = await self._composed(draft, question, weighed, written)
                for told in draft.untold() if pieces else ():
                    yield told
                await save(finished)
                outcome = finished.outcome
                yield finished
            finally:
                self._watcher.answered(outcome, draft.text)

    def _calmed(self, question: Question) -> Question:
        """A question in which no run of letters or signs is without an end; what was read in calm before is known to be."""
        asides = self._asides
        earlier = tuple([one if one in asides else calmed(one) for one in question.earlier])
        title = question.title
        return question.worded(calmed(question.text), earlier, title and (title if title in asides else calmed(title)))

    def _without_research(self, draft: Draft, question: Question) -> Answer | None:
        """The answer to what is refused, or is no question of law; None for all else."""
        draft.step("classify", telling.complexity(draft.assessment, self._deployment.complexity, draft.language))
        refusal, understood = refusal_of(question.text, self._deployment.refusals), draft.understood
        # It comes again as an earlier message, with the next question of its conversation.
        self._asides.keep(question.text, bool(refusal or understood.talk or understood.wish))
        if refusal:
            return self._refused(draft, question, refusal)
        if self._deployment.domain.is_elsewhere(said(question.text)):
            return self._sent_elsewhere(draft, question)
        return self._replied(draft, question, understood.talk) if understood.talk else None

    def _refused(self, draft: Draft, question: Question, refusal: Refusal) -> Answer:
        self._watcher.guarded(refusal.reason, "refused")
        draft.step("guard", telling.refused(refusal.reason, draft.language))
        draft.say(refusal.said_to(question.text, draft.language))
        # Nothing was looked up, so nothing supports this text: the confidence is that of an answer without evidence.
        return self._finished(draft, question, "refused", (), reason=refusal.reason)

    def _sent_elsewhere(self, draft: Draft, question: Question) -> Answer:
        self._watcher.guarded("out_of_domain", "abstained")
        draft.step("guard", telling.refused("out_of_domain", draft.language))
        draft.say(abstention(question.text, "out_of_domain", (), (), draft.language))
        return self._finished(draft, question, "abstained", (), reason="out_of_domain")

    def _replied(self, draft: Draft, question: Question, talk: Remark) -> Answer:
        self._watcher.guarded(*_KEPT)
        draft.step("talk", telling.talked(talk.name[draft.language], draft.language))
        self._watcher.guarded(*_KEPT)
        draft.say(talk.answers[draft.language])
        # Nothing of law is said and nothing was looked up: an answer, without citations and without the confidence of any.
        return self._finished(draft, question, "ok", ())

    def _planned(self, draft: Draft, question: Question) -> tuple[Context, Plan, Filters]:
        """What to look up, with which tools, and in which law; who is in danger hears first of help."""
        if first := urgent_help(said(question.text), self._deployment.emergencies, draft.language):
            draft.say(first)
        context = contextualise(question.text, question.earlier, question.title, content_words, self._cited)
        if draft.understood.wish:
            draft.step("follow", telling.once_more(question.text, draft.language))
        elif context.carried:
            draft.step("follow", telling.carried(context.carried, draft.language))
        context, terms = in_the_sources_language(context, draft.understood, self._deployment.glossary)
        if terms:
            draft.step("translate", telling.translated(terms, draft.language))
        draft.asked = said_behind(question.text, context.search)
        plan = plan_tools(draft.asked, draft.assessment.complexity, question.role.tools)
        draft.step("plan", telling.plan(plan, question.role, draft.language))
        scoped = (question.text, *question.earlier[:1]) if context.carried else (question.text,)
        filters = first_scope(question.filters, scoped, draft.today)
        if filters is not NO_FILTERS and filters != NO_FILTERS:
            draft.step("scope", telling.scope(filters, draft.language))
        return context, plan, filters

    async def _best_weighed(self, draft: Draft, question: Question, context: Context) -> Weighed:
        """The evidence of the question; where it carries nothing, that of the part which names what is known."""
        draft.least = self._least_confidence(draft.asked)
        weighed = await self._weigh(draft, question, context)
        if weighed.confidence < draft.least:
            weighed = await self._known_part(draft, question, context, weighed)
        draft.weighed = weighed
        draft.step("weigh", telling.weighing(weighed.evidence, weighed.looked_at, weighed.confidence, draft.language))
        return weighed

    def _cited(self, text: str) -> str:
        return translate(text, self._deployment.glossary).search if shows_english(text) else text

    def _least_confidence(self, asked: Said) -> float:
        """What an answer needs; a question that shows only words of another field needs far more."""
        domain = self._deployment.domain
        return domain.answer_from if domain.is_foreign(asked) else self._deployment.abstain_below

    async def _look_up(self, draft: Draft, context: Context, plan: Plan, filters: Filters) -> None:
        names = [tool.name for tool in plan.tools]
        request = ToolRequest(context.search, draft.today, draft.retriever, draft.language, filters)
        draft.runs = await run_together(
            self._tools,
            names,
            request,
            self._clock,
            self._watcher.tool_failed,
            self._deployment.tool_seconds,
            at_once=draft.retriever.waits,
        )
        draft.retriever.let_go(context.search)
        for run in draft.runs:
            self._watcher.tool_ran(run, draft.assessment.complexity)
        if all(run.result is None for run in draft.runs):
            # Nothing was looked up: to abstain would say something about the sources that nobody knows.
            problem = next((run.error for run in draft.runs if isinstance(run.error, Problem)), None)
            raise problem or Problem("Every tool failed. Try again in a moment.")
        for run in draft.runs:
            draft.step("run", telling.run(run, draft.language), run.name)

    async def _weigh(self, draft: Draft, question: Question, context: Context) -> Weighed:
        results = {run.name: run.result.hits for run in draft.runs if run.result}
        complexity = draft.assessment.complexity
        found = merge(results)
        hits = select(results, self._deployment.passages[complexity], found)
        analyser, idf = draft.retriever.analyser, draft.retriever.idf
        asked = analyser.query_terms(context.search)
        readings = self._readings_of(draft.retriever)
        sides = readings.sides
        issues = issues_of(question.text, context.carried, self._topic_of(draft), idf, sides)
        compared = {hit.document.id for hit in results.get("CaseComparator", ())}
        terms_of = readings.passages(hits)
        kept = relevant(hits, asked.topic, issues, compared, idf, terms_of, sides)
        evidence = number(
            kept,
            asked.topic,
            sentences_of,
            idf,
            terms_of,
            asked_in(question.text),
            _MOST_WORDS[complexity],
        )
        unknown = unknown_names(question.text, (hit.document for hit in found))
        supports = supports_of(draft.retriever, readings, evidence)
        grounds = await evidence_features(draft.retriever, context.search, evidence, supports, unknown=len(unknown))
        unresolved = await draft.retriever.unresolved(context.search)
        # Without documents, so that an article without its law is not found by chance in one of them.
        _, resolved = await draft.retriever.references(context.search, ()) if unresolved or unknown else (0, 0)
        value = confidence(grounds, self._deployment.calibration)
        # Decisions that are compared are set side by side themselves.
        parts = () if compared else arrange(evidence, issues, idf, analyser.distinct_terms)
        held = [support.terms for support in supports]
        missed = unmet(content_words(context.search), matter_of(asked, evidence), held, analyser.meant_terms, sides)
        return Weighed(
            evidence, grounds, value, len(found), unknown, unresolved, resolved, context.search, parts, missed
        )

    def _readings_of(self, retriever: Retriever) -> Readings:
        """How the corpus of the day reads passages; begun anew with each corpus."""
        if self._readings is None or not self._readings.are_of(retriever):
            self._readings = Readings(retriever)
        return self._readings

    def _topic_of(self, draft: Draft) -> Callable[[str], Sequence[str]]:
        """Reads what a part of the question is about, in the words of the sources."""

        def topic(text: str) -> Sequence[str]:
            search = translate(text, self._deployment.glossary).search if draft.language == "en" else text
            return draft.retriever.analyser.query_terms(search).topic

        return topic

    async def _known_part(self, draft: Draft, question: Question, context: Context, weighed: Weighed) -> Weighed:
        """Weighed anew without the names of laws that were not found, where the question also cites an article that was."""
        missing = [*weighed.unknown, *(one.label for one in weighed.unresolved)]
        rest = without(context.search, missing) if missing else context.search
        if rest == context.search or not find_citations(rest) or await draft.retriever.unresolved(rest):
            return weighed
        known = await self._weigh(draft, question, replace(context, search=rest))
        return replace(known, unresolved=weighed.unresolved, resolved=weighed.resolved)

    def _abstained(self, draft: Draft, question: Question, context: Context, weighed: Weighed) -> Answer | None:
        """Why there is no answer, where the evidence carries none; None where it does."""
        least = draft.least
        if not weighed.baseless and weighed.confidence >= least:
            return None
        whole = f"{question.text} {context.search}"
        near = weighed.confidence >= _NEAR * least
        reason = reason_of(whole, self._deployment.domain, weighed.unknown, weighed.unresolved, near=near)
        self._watcher.guarded(*((reason, "abstained") if reason == "out_of_domain" else _KEPT))
        draft.step("withhold", telling.abstention(weighed.confidence, least, reason, draft.language))
        nearest = [item.document.title for item in weighed.evidence[:_NEAREST_NAMED]]
        draft.say(abstention(question.text, reason, nearest, weighed.missing, draft.language))
        return self._finished(draft, question, "abstained", (), value=weighed.confidence, reason=reason)

    async def _composed(self, draft: Draft, question: Question, weighed: Weighed, written: Written) -> Answer:
        """The answer that was written, its marks checked and its confidence scored."""
        draft.step("compose", telling.composing(weighed.evidence, written.model, draft.language))
        check = check_marks(draft.text, weighed.evidence)
        draft.step("check", telling.check(check, draft.language))
        used = [item for item in weighed.evidence if item.number in check.used]
        readings = self._readings_of(draft.retriever)
        return self._finished(
            draft,
            question,
            "ok",
            used,
            value=await confidence_in(draft.retriever, readings, weighed, used, self._deployment.calibration),
            dangling=check.dangling,
            written=written,
            missing=(
                *left_out(weighed.unknown, weighed.unresolved, draft.language),
                *left_open(question.text, draft.text, draft.language),
            ),
            missed=weighed.unmet,
        )

    def _finished(
        self,
        draft: Draft,
        question: Question,
        outcome: Outcome,
        used: Sequence[Evidence],
        *,
        value: float = 0.0,
        reason: RefusalReason | None = None,
        dangling: Sequence[int] = (),
        written: Written = _BY_OURSELVES,
        missed: Sequence[str] = (),
        missing: Sequence[str] = (),
    ) -> Answer:
        citations = tuple(map(cite, used))
        told = notices(
            citations,
            question.role.register,
            dangling,
            draft.language,
            draft.understood.spoken.note,
            stood_in=written.fallback is not None,
            left_out=[item.number for item in used if item.left_out],
            unmet=missed,
            missing=missing,
        )
        # In the order of the fields: told by their names they would cost four times as much.
        return Answer(
            draft.text,
            outcome,
            draft.assessment.complexity,
            reason,
            citations,
            value,
            tuple(draft.runs),
            tuple(draft.steps),
            told,
            written,
            draft.weighed.evidence if draft.weighed else (),
            draft.weighed.features if draft.weighed else {},
            draft.retriever.holdings.hash,
            draft.language,
        )


def _shown(event: Piece | Interrupted, language: Language) -> str:
    return event.text if isinstance(event, Piece) else telling.interruption(event.reason, language)


def _brief(question: Question, context: Context, weighed: Weighed, draft: Draft, *, followed: bool) -> Brief:
    comparison: tuple[int, ...] = ()
    remark = ""
    compared = next((run.result for run in draft.runs if run.name == "CaseComparator" and run.result), None)
    if compared:
        numbers = {item.document.id: item.number for item in weighed.evidence}
        comparison = tuple([numbers[hit.document.id] for hit in compared.hits if hit.document.id in numbers])
        remark = compared.remark
    wish, retriever = draft.understood.wish, draft.retriever
    # In the order of the fields: told by their names they would cost four times as much.
    return Brief(
        f"{question.text} ({wish})" if wish else question.text,
        context.carried,
        question.role.register,
        weighed.evidence,
        comparison,
        remark,
        question.role.name,
        draft.assessment.complexity,
        draft.language,
        question.request_id,
        question.cacheable,
        weighed.parts,
        retriever.holdings.hash,
        question.extractive,
        followed,
        Reading(retriever.analyser.document_terms, retriever.idf),
    )
