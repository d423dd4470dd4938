"""What each type of error means to a person, and what to do about it. Pure.

The message of an error says what happened this time; this table says what such a thing is, who can mend it and
whether a retry helps. A type that is not in it (a component of somebody else's) gets a general answer.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Explanation:
    """An error in a person's words.

    Args:
        short: a few words, for lists.
        meaning: one sentence, what it is.
        advice: what to do.
    """

    short: str
    meaning: str
    advice: str


_LATER = "Retry it when the service answers again; if many contexts fail like this, look at the service first."
_TEMPLATE = "Correct the template, publish it, then retry from the template step so that the new version is used."
_DATA = "Send a corrected context; what the client sent cannot be worked on as it is."
_SETTINGS = "Correct the component's settings, then retry: the settings are read anew each time."
_OTHER_WORDS = (
    "Read what it said. Change the template's wording and retry from the template step, "
    "or have the client retry it with another title or other keywords."
)
_PROGRAMMER = "Show the traceback and this context's id to whoever wrote the component; a retry seldom helps before."

EXPLANATIONS: dict[str, Explanation] = {
    # the network and the services behind it
    "connection_refused": Explanation(
        "Connection refused", "The other side refused the connection: nothing is listening at that address.", _LATER
    ),
    "unreachable": Explanation(
        "Unreachable", "The other side could not be reached: its name, its network or its certificate is wrong.", _LATER
    ),
    "connection_lost": Explanation(
        "Connection lost", "The other side broke the connection off in the middle of the answer.", _LATER
    ),
    "connection_failed": Explanation("Connection failed", "The connection to the other side failed.", _LATER),
    "timeout": Explanation("No answer in time", "The other side took longer to answer than it is given.", _LATER),
    "timed_out": Explanation(
        "Took too long",
        "The step, or the context as a whole, was stopped because it used up its time.",
        "Retry it; if it happens again, ask for less text in one step or give the component more time.",
    ),
    "rate_limited": Explanation(
        "Rate limited",
        "The model provider, or a service of ours, limits how often it may be asked, and that limit was reached.",
        "Wait a few minutes, then retry; if it happens often, raise the limit over there or submit fewer at once.",
    ),
    "service_error": Explanation("Service failed", "A service that the step asked had a fault of its own.", _LATER),
    "provider_error": Explanation("Provider failed", "The model provider had a fault of its own.", _LATER),
    "provider_auth": Explanation(
        "Key refused",
        "The model provider does not accept our key, or the key may not use this model.",
        "An administrator must set a valid OPENAI_API_KEY and restart the workers; then retry.",
    ),
    "provider_quota": Explanation(
        "Quota used up",
        "The model provider does nothing more for our account: its quota or its money is used up.",
        "An administrator must look at the plan and the billing of the account; then retry.",
    ),
    "database_away": Explanation("Database away", "The database did not answer while the step ran.", _LATER),
    "provider_not_set_up": Explanation(
        "Provider not set up",
        "The component asks for a model provider that has no key here.",
        "An administrator must set OPENAI_API_KEY, or an editor chooses another provider; then retry.",
    ),
    "unknown_provider": Explanation(
        "Unknown provider", "The component's settings name a model provider that does not exist.", _SETTINGS
    ),
    "unknown_model": Explanation(
        "Unknown model", "The provider does not know the model that was asked for.", _SETTINGS
    ),
    "request_refused": Explanation(
        "Request refused",
        "The other side understood the request and refused it; it would refuse the same request again.",
        "Read its reason above, correct the component's settings or the context's data, then retry.",
    ),
    "address_not_allowed": Explanation(
        "Address not allowed",
        "The address belongs to a private network, which components may not call.",
        "Use a public address, or ask an administrator whether HTTP_ALLOW_PRIVATE may be set.",
    ),
    "bad_url": Explanation("Bad address", "The address of the service cannot be used.", _SETTINGS),
    "redirect": Explanation(
        "Redirected", "The service sent us on to another address, which is not followed for safety.", _SETTINGS
    ),
    "answer_too_large": Explanation("Answer too large", "The service answered with more than can be taken.", _SETTINGS),
    "bad_answer": Explanation("Unreadable answer", "The service answered with something other than JSON.", _LATER),
    # the model's answer
    "model_refusal": Explanation(
        "Model refused",
        "The model declined to write this text.",
        _OTHER_WORDS,
    ),
    "content_filter": Explanation(
        "Filtered",
        "The provider's content filter stopped the answer.",
        _OTHER_WORDS,
    ),
    "empty_answer": Explanation(
        "Empty answer",
        "The model answered with an empty text.",
        "Retry it; if it happens again, try another model or shorten the template.",
    ),
    "broken_json": Explanation(
        "Broken JSON",
        "The model's answer is not the JSON that it was asked for.",
        "Retry it; if it happens again, choose a model that can answer with JSON.",
    ),
    "wrong_schema": Explanation(
        "Wrong shape",
        "The model's answer is JSON, but not with the sections that the template asks for.",
        "Retry it; if it happens again, simplify the template's sections or choose a stronger model.",
    ),
    "output_truncated": Explanation(
        "Cut short",
        "The model reached its limit of words before the text was complete.",
        "Raise max_tokens in the component's settings, or ask for shorter sections, then retry.",
    ),
    # templates and data
    "template_not_found": Explanation(
        "No template",
        "No published template fits this context's type, tone and audience.",
        "Publish a template for this type, or make one its default; then retry.",
    ),
    "template_missing": Explanation(
        "No template", "The step needs a template, but no step before it chose one.", "Put the template step first."
    ),
    "invalid_template": Explanation("Bad template", "The template that the context carries cannot be used.", _TEMPLATE),
    "prompt_error": Explanation(
        "Prompt failed", "The template's instructions could not be filled in with this context's data.", _TEMPLATE
    ),
    "invalid_data": Explanation("Bad data", "The context's data has not the form that this step needs.", _DATA),
    "content_missing": Explanation(
        "Nothing to format",
        "There is no generated content for this step to work on.",
        "Check that a step that generates content comes before this one, then submit it again.",
    ),
    # the component and the engine
    "unknown_component": Explanation(
        "Unknown component",
        "The pipeline names a component that is not there any more, or is switched off.",
        "Install it or switch it on again, then retry.",
    ),
    "invalid_config": Explanation(
        "Bad settings", "The settings that this step would run with are not valid.", _SETTINGS
    ),
    "component_broke": Explanation(
        "Component broke", "The component has a fault: it stopped with an error that it did not expect.", _PROGRAMMER
    ),
    "bad_result": Explanation("Bad result", "The component gave back something that cannot be stored.", _PROGRAMMER),
    "result_too_large": Explanation(
        "Result too large",
        "The component wrote more than a context may hold.",
        "Ask for less text, or split the work over several contexts.",
    ),
    "worker_lost": Explanation(
        "Worker died",
        "The worker process died again and again while it ran this context, five times while it ran nothing else.",
        "Look at the worker's log and its memory: this context may be what kills it. Retry once that is known.",
    ),
    "engine_error": Explanation("Engine error", "Draftline itself could not go on with this context.", _PROGRAMMER),
    "permanent_error": Explanation(
        "Failed", "The component says that it cannot do this.", "Read its message above, mend the cause, then retry."
    ),
    "transient_error": Explanation("Failed for now", "The component could not do this at the time.", _LATER),
}


def explain(type: str, *, retryable: bool) -> Explanation:
    """Return what an error of this type means; for types that nobody described, what can be said of all."""
    known = EXPLANATIONS.get(type)
    if known is not None:
        return known
    short = type.replace("_", " ").capitalize() or "Failed"
    general = EXPLANATIONS["transient_error" if retryable else "permanent_error"]
    return Explanation(short, general.meaning, general.advice)
