"""The vocabulary of the Scheduler API: models, catalogue, codecs, error bodies; pure, the only place of wire names.

* What is offered: `catalogue` (the rows that the connector offers too), `classic_catalogue`, `arm_catalogue`, each row
  an `endpoint`; paths to them by `routing`; `commands`, `bodies`, `queries` and `preferences` read what callers send;
  `openapi/` tells other tools of all of it.
* What is said: `cloud_service`, `job_collection`, `jobs_state`, `job` with `action` (`http_action`, `queue_action`,
  `authentication`, `retry_policy`) and `recurrence`, `operation`, `provider`, `management_certificate`; `arm_…` where
  ARM says it in another way. `job_patch` and `merge` change a job.
* How it is written: `model` is the base of every model, `json_…` and `xml_…` are the two forms; `times`, `words`,
  `names` and `member_names` the values in them, `errors` and `faults` what is wrong with them, `secret_members` what
  never comes out.
"""
