import{s as r}from"../chunks/CV7xyCPT.js";import{y as t}from"../chunks/pxyDO_I7.js";export{t as load_css,r as start};
