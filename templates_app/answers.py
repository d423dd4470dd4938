"""Which template a wish gets, as all workers are told it for half a second."""

from base.shared_answers import SharedAnswers

template_answers = SharedAnswers("template")
