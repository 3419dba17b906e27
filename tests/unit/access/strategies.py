"""ACLs of every kind, for tests that must hold for all of them."""

from hypothesis import strategies as st

from s3gw.access.acl import Grant, Grantee, Group, Permission, Project, acl_of

project_ids = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", fullmatch=True)
grantees: st.SearchStrategy[Grantee] = st.one_of(
    st.sampled_from(Group), st.builds(Project, project_ids)
)
grants = st.builds(Grant, grantees, st.sampled_from(Permission))
acls = st.builds(acl_of, project_ids, st.lists(grants, max_size=100))
