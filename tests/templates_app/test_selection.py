"""Which template a context is written by: each branch of the rule."""

import pytest

from templates_app.models import Template
from templates_app.services import NoTemplateFits, draft_save, template_select
from tests.templates_app.conftest import STRUCTURE, publish, structure_saying
from users.models import Organization


def choose(**wishes) -> str:
    return template_select(**{"organization_id": "org_test", "type": "article", **wishes}).id


@pytest.fixture
def other(organization) -> Organization:
    return Organization.objects.create(id="org_other", name="Other")


def test_tone_counts_more_than_audience(make, organization):
    make("tmpl_audience", audience="developers")
    make("tmpl_tone", tone="technical")
    assert choose(tone="technical", audience="developers") == "tmpl_tone"


def test_tone_and_audience_together_beat_tone_alone(make, organization):
    make("tmpl_a_tone", tone="technical")
    make("tmpl_b_both", tone="technical", audience="developers")
    assert choose(tone="technical", audience="developers") == "tmpl_b_both"


def test_case_and_spaces_of_a_wish_do_not_matter(make, organization):
    make("tmpl_tone", tone="Technical")
    assert choose(tone=" tECHNICAL ") == "tmpl_tone"


def test_template_of_another_audience_does_not_match_even_if_its_tone_does(make, organization):
    make("tmpl_managers", tone="technical", audience="managers")
    make("tmpl_audience", audience="developers")
    assert choose(tone="technical", audience="developers") == "tmpl_audience"


def test_own_template_beats_a_shared_one_at_equal_score(make, organization):
    make("tmpl_a_shared", tone="technical")
    make("tmpl_b_own", tone="technical", organization=organization)
    assert choose(tone="technical") == "tmpl_b_own"


def test_better_shared_match_beats_a_worse_own_one(make, organization):
    make("tmpl_a_own", audience="developers", organization=organization)
    make("tmpl_b_shared", tone="technical")
    assert choose(tone="technical", audience="developers") == "tmpl_b_shared"


def test_default_of_the_type_serves_where_nothing_matches(make, organization):
    make("tmpl_any")  # says nothing about tone and audience: score 0 is no match
    make("tmpl_default", is_default=True, tone="playful")
    assert choose(tone="technical") == "tmpl_default"


def test_own_default_beats_the_shared_default(make, organization):
    make("tmpl_a_shared", is_default=True)
    make("tmpl_b_own", is_default=True, organization=organization)
    assert choose() == "tmpl_b_own"


def test_another_organizations_template_is_never_chosen(make, other):
    make("tmpl_theirs", tone="technical", is_default=True, organization=other)
    with pytest.raises(NoTemplateFits) as refusal:
        choose(tone="technical")
    assert refusal.value.available == []


def test_template_without_a_published_version_is_passed_over(make, organization):
    draft_only = Template.objects.create(id="tmpl_a_draft", name="Draft", type="article", tone="technical")
    draft_save(draft_only, structure=STRUCTURE)
    make("tmpl_b_live", tone="technical")
    assert choose(tone="technical") == "tmpl_b_live"


def test_template_that_is_switched_off_is_passed_over(make, organization):
    make("tmpl_off", tone="technical", is_active=False)
    make("tmpl_default", is_default=True)
    assert choose(tone="technical") == "tmpl_default"


def test_named_template_is_taken_whatever_its_type(make, organization):
    make("tmpl_mail", type="mail", tone="friendly")
    make("tmpl_tone", tone="technical")
    assert choose(template_id="tmpl_mail", tone="technical") == "tmpl_mail"


@pytest.mark.parametrize(
    "fields", [{"is_active": False}, {"organization_id": "org_other"}], ids=["switched off", "another organization's"]
)
def test_named_template_that_cannot_be_used_is_refused(make, other, fields):
    make("tmpl_named", **fields)
    make("tmpl_default", is_default=True)
    with pytest.raises(NoTemplateFits):
        choose(template_id="tmpl_named")


def test_refusal_lists_what_may_be_named_with_the_type_first(make, organization):
    make("tmpl_a_mail", type="mail")
    make("tmpl_b_article", tone="playful")
    with pytest.raises(NoTemplateFits) as refusal:
        choose(tone="technical")
    assert refusal.value.available == ["tmpl_b_article", "tmpl_a_mail"]


def test_newest_published_version_is_the_one_that_serves(make, organization):
    template = make("tmpl_tone", tone="technical")
    publish(template, structure_saying("second"))
    draft_save(template, structure=structure_saying("unfinished"))
    chosen = template_select(organization_id="org_test", type="article", tone="technical")
    assert (chosen.version, chosen.structure) == (2, structure_saying("second"))
