"""The columns of the sources, as they are published and as the domain names them.

What belongs here: names, once. What does not: dtypes and rules, which are promises of later stages (`contracts.py`).
Every raw column is text; beside the columns of its source each raw row carries `source_file` and `line`.
"""

PLACE = ("source_file", "line")  # name of the file, and the line at which the record begins, counted from 1

# The public award file: 42 columns, https://www.sbir.gov/awards.
AWARDS = {
    "Company": "company_name",
    "Award Title": "award_title",
    "Agency": "agency",
    "Branch": "branch",
    "Phase": "phase",
    "Program": "program",
    "Agency Tracking Number": "agency_tracking_number",
    "Contract": "contract",
    "Proposal Award Date": "award_date",
    "Contract End Date": "contract_end_date",
    "Solicitation Number": "solicitation_number",
    "Solicitation Year": "solicitation_year",
    "Solicitation Close Date": "solicitation_close_date",
    "Proposal Receipt Date": "proposal_receipt_date",
    "Date of Notification": "notification_date",
    "Topic Code": "topic_code",
    "Award Year": "award_year",
    "Award Amount": "award_amount",
    "UEI": "uei",
    "Duns": "duns",
    "HUBZone Owned": "is_hubzone_owned",
    "Socially and Economically Disadvantaged": "is_disadvantaged",
    "Woman Owned": "is_woman_owned",
    "Number Employees": "employees",
    "Company Website": "company_website",
    "Address1": "address1",
    "Address2": "address2",
    "City": "city",
    "State": "state",
    "Zip": "zip",
    "Abstract": "abstract",
    "Contact Name": "contact_name",
    "Contact Title": "contact_title",
    "Contact Phone": "contact_phone",
    "Contact Email": "contact_email",
    "PI Name": "pi_name",
    "PI Title": "pi_title",
    "PI Phone": "pi_phone",
    "PI Email": "pi_email",
    "RI Name": "ri_name",
    "RI POC Name": "ri_poc_name",
    "RI POC Phone": "ri_poc_phone",
}

# The public company file.
COMPANIES = {
    "Company Name": "company_name",
    "UEI": "uei",
    "DUNs": "duns",
    "Number Awards": "award_count",
    "Address 1": "address1",
    "Address 2": "address2",
    "City": "city",
    "State": "state",
    "ZIP": "zip",
    "Country": "country",
    "Hubzone Owned": "is_hubzone_owned",
    "Women Owned": "is_woman_owned",
    "Socially Economically Disadvantaged": "is_disadvantaged",
    "Company URL": "company_website",
}

# What the domain takes of SAM.gov's entity registry, by the names that its bulk file and its API are mapped to.
SAM_ENTITIES = (
    "uei",
    "duns",
    "cage",
    "legal_name",
    "dba_name",
    "address1",
    "city",
    "state",
    "zip",
    "country",
    "naics",
    "registration_status",
    "registration_date",
    "expiration_date",
)

# What the domain takes of USPTO's patents: one row per patent and assignee.
PATENTS = (
    "patent_id",
    "title",
    "grant_date",
    "assignee_name",
    "assignee_city",
    "assignee_state",
    "government_interest",  # the statement in which a patent names the award that paid for it
)
