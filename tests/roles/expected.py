"""What each role sees and does in the admin. A page or an action that stands in no table fails the walk.

A administrator, E editor, O operator, U auditor. Nobody else enters at all.
"""

# page                                    who opens it
#                                               who may send to it; "=" where nothing that is sent counts
PAGES = """
index                                     AEOU  =
search                                    AEOU  =
app_list                                  AEOU  =
autocomplete                              ----  ----
view_on_site                              ----  ----

contexts_context_changelist               AEOU  =
contexts_context_change                   AEOU  ----
contexts_context_revision                 AEOU  ----
contexts_context_history                  AEOU  =
contexts_context_retry                    A-O-  A-O-
contexts_context_correct                  A-O-  ----
contexts_context_cancel                   ----  A-O-
contexts_context_add                      ----  ----
contexts_context_delete                   ----  ----

contexts_batch_changelist                 AEOU  =
contexts_batch_change                     AEOU  ----
contexts_batch_history                    AEOU  =
contexts_batch_cancel                     ----  A-O-
contexts_batch_retry                      ----  A-O-
contexts_batch_add                        ----  ----
contexts_batch_delete                     ----  ----

contexts_bulkoperation_changelist         AEOU  =
contexts_bulkoperation_change             AEOU  ----
contexts_bulkoperation_history            AEOU  =
contexts_bulkoperation_new                A-O-  A-O-
contexts_bulkoperation_go_on              ----  A-O-
contexts_bulkoperation_stop               ----  A-O-
contexts_bulkoperation_add                ----  ----
contexts_bulkoperation_delete             ----  ----

contexts_worker_changelist                AEOU  =
contexts_worker_change                    AEOU  ----
contexts_worker_history                   AEOU  =
contexts_worker_add                       ----  ----
contexts_worker_delete                    ----  ----

contexts_provider_changelist              AEOU  =
contexts_provider_change                  AEOU  ----
contexts_provider_history                 AEOU  =
contexts_provider_add                     ----  ----
contexts_provider_delete                  ----  ----

contexts_webhookendpoint_changelist       AEOU  =
contexts_webhookendpoint_change           AEOU  A-O-
contexts_webhookendpoint_history          AEOU  =
contexts_webhookendpoint_add              A-O-  A-O-
contexts_webhookendpoint_delete           A-O-  A-O-

contexts_webhookdelivery_changelist       AEOU  =
contexts_webhookdelivery_change           AEOU  ----
contexts_webhookdelivery_history          AEOU  =
contexts_webhookdelivery_redeliver        ----  A-O-
contexts_webhookdelivery_add              ----  ----
contexts_webhookdelivery_delete           ----  ----

templates_app_template_changelist         AEOU  =
templates_app_template_change             AEOU  AE--
templates_app_template_history            AEOU  =
templates_app_template_compare            AEOU  =
templates_app_template_export             AEOU  =
templates_app_template_import_view        AE--  AE--
templates_app_template_duplicate          ----  AE--
templates_app_template_roll_back          ----  AE--
templates_app_template_discard_draft      ----  AE--
templates_app_template_add                AE--  AE--
templates_app_template_delete             AE--  AE--

contexts_trial_changelist                 AEOU  =
contexts_trial_change                     AEOU  ----
contexts_trial_history                    AEOU  =
contexts_trial_progress                   AEOU  ----
contexts_trial_pair                       AEOU  ----
contexts_trial_preview                    AEOU  =
contexts_trial_test                       AE--  AE--
contexts_trial_replay                     AE--  AE--
contexts_trial_cancel                     ----  AE--
contexts_trial_publish                    ----  AE--
contexts_trial_discard                    ----  AE--
contexts_trial_add                        ----  ----
contexts_trial_delete                     ----  ----

components_pipeline_changelist            AEOU  =
components_pipeline_change                AEOU  AE--
components_pipeline_history               AEOU  =
components_pipeline_add                   AE--  AE--
components_pipeline_delete                AE--  AE--

components_component_changelist           AEOU  =
components_component_change               AEOU  AE--
components_component_history              AEOU  =
components_component_add                  AE--  AE--
components_component_probe_view           AE--  AE--
components_component_delete               AE--  AE--

media_app_asset_changelist                AEOU  =
media_app_asset_change                    AEOU  AE--
media_app_asset_history                   AEOU  =
media_app_asset_add                       AE--  AE--
media_app_asset_upload_many               AE--  AE--
media_app_asset_delete                    A---  A---

users_user_changelist                     A--U  =
users_user_change                         A--U  A---
users_user_history                        A--U  =
users_user_add                            A---  A---
users_user_delete                         ----  ----
auth_user_password_change                 A---  A---

users_organization_changelist             A--U  =
users_organization_change                 A--U  A---
users_organization_history                A--U  =
users_organization_add                    A---  A---
users_organization_delete                 ----  ----

users_apikey_changelist                   A--U  =
users_apikey_change                       A--U  A---
users_apikey_history                      A--U  =
users_apikey_add                          A---  A---
users_apikey_delete                       ----  ----

django_q_success_changelist               A---  =
django_q_success_change                   A---  ----
django_q_success_history                  A---  =
django_q_success_add                      ----  ----
django_q_success_delete                   ----  ----

django_q_failure_changelist               A---  =
django_q_failure_change                   A---  ----
django_q_failure_history                  A---  =
django_q_failure_add                      ----  ----
django_q_failure_delete                   ----  ----

django_q_schedule_changelist              A---  =
django_q_schedule_change                  A---  ----
django_q_schedule_history                 A---  =
django_q_schedule_add                     ----  ----
django_q_schedule_delete                  ----  ----

django_q_ormq_changelist                  A---  =
django_q_ormq_change                      A---  ----
django_q_ormq_history                     A---  =
django_q_ormq_add                         ----  ----
django_q_ormq_delete                      ----  ----
"""

# what is offered for rows that were ticked in a list
ACTIONS = """
contexts_context retry_selected           A-O-
contexts_context cancel_selected          A-O-
contexts_webhookdelivery redeliver_selected A-O-
components_component delete_selected      AE--
components_pipeline delete_selected       AE--
media_app_asset activate                  AE--
media_app_asset deactivate                AE--
media_app_asset delete_selected           A---
templates_app_template delete_selected    AE--
templates_app_template export_selected    AEOU
users_apikey revoke                       A---
contexts_webhookendpoint delete_selected  A-O-
"""

# buttons beside Save on the page of a row
BUTTONS = """
contexts_webhookendpoint send_test        A-O-
contexts_webhookendpoint switch_on        A-O-
contexts_webhookendpoint switch_off       A-O-
contexts_webhookendpoint rotate_secret    A-O-
users_apikey rotate_this                  A---
users_apikey revoke_this                  A---
"""
